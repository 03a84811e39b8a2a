"""The table of a sweep's variants, and how each differs from the first."""

from collections.abc import Mapping, Sequence
import pathlib
import statistics

from experiments.lib import markdown
from experiments.lib import places
from quinoa_acme.runs import running
from quinoa_acme.runs.sweeps import results
from quinoa_acme.runs.sweeps import sweeps

# A sweep with an option that no longer exists; its rows remain.
_DELETED = 'deleted_{}.json'

# For each curve and seed, the returns by step.
_Returns = Mapping[results.Curve, Mapping[int, results.RunReturns]]


def make_table(
  name: str,
  sweep_folder: pathlib.Path = places.SWEEPS,
  table_folder: pathlib.Path = places.RESULTS,
) -> str:
  """The table of the variants of a sweep's first, in Markdown.

  A return is the mean over seeds. A difference is between runs of the same task
  and seed, after the last evaluation. Variants that the package can no longer
  make come last, and missing runs below.

  Args:
    name: name of the sweep.
    sweep_folder: the folder of its file.
    table_folder: the folder of its results, and of deleted variants.
  """
  sweep = sweeps.read(sweep_folder / f'{name}.json')
  gone_too = table_folder / _DELETED.format(name)
  deleted = sweeps.read(gone_too).runs if gone_too.exists() else ()
  table = table_folder / f'{sweep.table}.csv'
  returns = results.read_runs([table]) if table.exists() else {}
  variants: dict[str, list[sweeps.Run]] = {}
  for run in (*sweep.runs, *deleted):
    variants.setdefault(run.variant, []).append(run)
  gone = {run.variant for run in deleted}
  tasks = list(dict.fromkeys(run.task for run in sweep.runs))
  base = sweep.runs[0]
  lines = markdown.head(
    'variant', 'change', *tasks, 'difference, median', 'mean'
  )
  missing = []
  for variant, runs in variants.items():
    label = variant or base.preset
    if not any(run.seed in returns.get(run.curve, {}) for run in runs):
      missing.append(label)
      continue
    cells = _cells(runs, variants[base.variant], tasks, returns)
    label = f'{variant} (deleted)' if variant in gone else label
    lines.append(markdown.line(label, *cells))
  if missing:
    lines += ['', f'Not run yet: {", ".join(missing)}.']
  return '\n'.join(lines)


def _cells(
  runs: Sequence[sweeps.Run],
  others: Sequence[sweeps.Run],
  tasks: Sequence[str],
  returns: _Returns,
) -> list[str]:
  """The cells of a variant: changes, returns by task, and differences.

  Args:
    runs: runs of the variant.
    others: runs of the sweep's first variant.
    tasks: tasks of the sweep.
    returns: returns of all runs.
  """
  is_base = runs[0].variant == others[0].variant
  changes = _changes(runs[0], () if is_base else others[0].flags)
  differences = [] if is_base else _differences(runs, others, returns)
  return [
    ', '.join(f'`{name}={value}`' for name, value in changes.items()),
    *(
      _format_evaluations([run for run in runs if run.task == task], returns)
      for task in tasks
    ),
    *_format_differences(differences, len(runs)),
  ]


def _changes(
  run: sweeps.Run, base: Sequence[tuple[str, str]]
) -> dict[str, str]:
  """The options of a run that differ from those of the base.

  An option that only the base sets has the preset's value.
  """
  preset = running.PRESETS[run.agent][run.preset]()
  options = {name: str(getattr(preset, name)) for name, _ in base}
  options.update(run.flags)
  return {
    name: value
    for name, value in options.items()
    if value != dict(base).get(name)
  }


def _format_evaluations(runs: Sequence[sweeps.Run], returns: _Returns) -> str:
  """A cell: the mean over seeds at each evaluation, '120 / 314'."""
  first = runs[0]
  means = []
  for steps in range(first.eval_every, first.num_steps + 1, first.eval_every):
    found = [_return_of(run, returns, steps) for run in runs]
    known = [x for x in found if x is not None]
    means.append(f'{statistics.mean(known):.0f}' if known else '-')
  return ' / '.join(means)


def _differences(
  runs: Sequence[sweeps.Run], defaults: Sequence[sweeps.Run], returns: _Returns
) -> list[float]:
  """Final return minus the default's, for each task and seed that has both."""
  found = []
  for run, default in zip(runs, defaults, strict=True):
    value = _return_of(run, returns, run.num_steps)
    other = _return_of(default, returns, default.num_steps)
    if value is not None and other is not None:
      found.append(value - other)
  return found


def _return_of(run: sweeps.Run, returns: _Returns, steps: int) -> float | None:
  return returns.get(run.curve, {}).get(run.seed, {}).get(steps)


def _format_differences(
  differences: Sequence[float], num_runs: int
) -> tuple[str, str]:
  """Two cells: median and mean, with the number of runs unless all."""
  if not differences:
    return '', ''
  known = len(differences)
  note = f' ({known} of {num_runs} runs)' if known < num_runs else ''
  median, mean = statistics.median(differences), statistics.mean(differences)
  return f'{median:+.0f}{note}', f'{mean:+.0f}'
