"""Judges flows by a regression: are the advantages that they imply right?

  python experiments/run_quinoa.py --run_distributed=false --seed=500 \
    --preset=with_critics --env_name=control:walker:walk --num_steps=18000 \
    --workdir=runs/walker
  python experiments/diagnose_flow.py --workdir=runs/walker --output=found.csv

Each candidate is fitted to the targets that the run's critics make from its
replay. Only its TD loss is used, as by an agent of QuinoaConfig.direct() with
that flow. An ensemble of new critics is the reference. The rows of a seed
replace its earlier ones in the table. docs/diagnosis.md explains the numbers;
`--page=docs/diagnosis.md` renews the table there, and does only that if there
is no `--workdir`.
"""

import pathlib
import runpy

_PACKAGE = pathlib.Path(__file__).resolve().parents[1] / 'quinoa_acme'
runpy.run_path(str(_PACKAGE / '_preflight.py'))['run']()
runpy.run_path(str(_PACKAGE / 'utils' / 'resources.py'))['configure_process'](
  'learner'
)

from collections.abc import Iterator, Mapping, Sequence  # noqa: E402
import csv  # noqa: E402
import dataclasses  # noqa: E402
import math  # noqa: E402
import os  # noqa: E402
import platform  # noqa: E402
import statistics  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from typing import Any  # noqa: E402

from absl import flags  # noqa: E402
import jax  # noqa: E402

from experiments.lib import advantages  # noqa: E402
from quinoa_acme.agents import quinoa  # noqa: E402
from quinoa_acme.networks.flows import energy  # noqa: E402
from quinoa_acme.networks.flows import real_nvp  # noqa: E402
from quinoa_acme.networks.flows import tilted  # noqa: E402
from quinoa_acme.runs import experiment  # noqa: E402
from quinoa_acme.runs import running  # noqa: E402
from quinoa_acme.runs import scripts  # noqa: E402
from quinoa_acme.runs import trained as trained_lib  # noqa: E402
from quinoa_acme.utils import checkpointing  # noqa: E402
from quinoa_acme.utils import options  # noqa: E402

_FLOWS = {
  'energy': energy.EnergyFlowConfig(),
  'energy-tilt': energy.EnergyFlowConfig(couplings=energy.TiltCouplings()),
  'energy-affine': energy.EnergyFlowConfig(couplings=energy.AffineCouplings()),
  'tilted': tilted.TiltedFlowConfig(),
  'real_nvp': real_nvp.RealNVPConfig(),
}
_WORKDIR = flags.DEFINE_string('workdir', None, 'The run with critics.')
_OUTPUT = flags.DEFINE_string('output', None, 'A CSV file.', required=True)
_PAGE = flags.DEFINE_string('page', None, 'A page whose table to renew.')
_CANDIDATES = flags.DEFINE_list(
  'candidates', list(_FLOWS), f'Which flows, of {", ".join(_FLOWS)}.'
)
_SEED = flags.DEFINE_integer(
  'seed', 0, 'For everything random.', lower_bound=0, upper_bound=2**31 - 1
)
_CRITICS = flags.DEFINE_integer(
  'num_critics', 6, 'Critics of the reference.', lower_bound=2
)
_UPDATES = flags.DEFINE_integer(
  'num_updates', 5000, 'Of each, with 256 transitions each.', lower_bound=1
)
_STATES = flags.DEFINE_integer(
  'num_states', 1024, 'Held-out states to evaluate.', lower_bound=1
)
_EPISODES = flags.DEFINE_integer(
  'episodes', 3, "Of the run's policy.", lower_bound=1
)
_BATCH_SIZE = 256
_NUM_ACTIONS = 16

_NUMBERS = tuple(x.name for x in dataclasses.fields(advantages.Findings))
_COLUMNS = (
  'task',
  'run_seed',
  'run_updates',
  'transitions',
  'temperature',
  'seed',
  'candidate',
  'critics',
  'updates',
  *_NUMBERS,
  'discounted_return',
  'soft_return',
  'cpu_seconds',
  'machine',
  'device',
  'python',
  'jax',
  'version',
  'commit',
)
# The identity of a row.
_KEY = ('task', 'run_seed', 'seed', 'candidate')
_HEADS = {
  'error': 'error',
  'correlation_policy': "at the policy's actions",
  'correlation_uniform': 'at uniform actions',
  'value': 'V',
  'value_visited': 'V, visited',
  'saturated_variance': 'saturated, of D',
  'saturated_actions': 'of actions',
}
_BEGIN, _END = (
  '<!-- Made by experiments/diagnose_flow.py. -->',
  '<!-- End of it. -->',
)


def diagnose(
  run: experiment.ExperimentConfig,
  candidates: Sequence[str],
  *,
  seed: int,
  num_critics: int,
  num_updates: int,
  num_states: int,
  num_episodes: int,
) -> Iterator[dict[str, Any]]:
  """Fits the reference and the candidates, and measures them.

  Args:
    run: a run with critics, in one process.
    candidates: keys of `_FLOWS`.
    seed: for everything random.
    num_critics: number of critics in the reference.
    num_updates: SGD steps of each.
    num_states: number of held-out states to evaluate.
    num_episodes: number of episodes of the run's policy.

  Yields:
    One row each for the ensemble, one more critic, and the candidates.

  Raises:
    ValueError: if the run is of another kind, or has not learned yet.
    FileNotFoundError: if it has no checkpoint.
  """
  started = time.process_time()
  advantages.check_agent(run.workdir, run.agent)
  assert isinstance(run.agent, quinoa.QuinoaConfig)
  assert isinstance(run.agent.fit, quinoa.CriticFit)
  trained = trained_lib.restore(run, f'diagnosis {seed}')
  replay = trained_lib.restore_replay(run, trained.spec)
  setting = advantages.prepare(
    trained,
    replay,
    num_states=num_states,
    num_actions=_NUM_ACTIONS,
    num_episodes=num_episodes,
    seed=seed,
  )
  about = {
    'task': run.env_name,
    'run_seed': run.seed,
    'run_updates': int(trained.learner.save().steps),
    'transitions': len(replay.reward),
    'temperature': float(setting.temperature),
    'seed': seed,
    'critics': num_critics,
    'updates': num_updates,
    'discounted_return': setting.discounted_return,
    'soft_return': setting.soft_return,
    'machine': f'{platform.machine()}, {platform.system()}',
    'device': jax.devices()[0].device_kind,
    'python': platform.python_version(),
    'jax': jax.__version__,
    **experiment.describe_source(),
  }

  def row(name: str, findings: advantages.Findings) -> dict[str, Any]:
    nonlocal started
    seconds, started = time.process_time() - started, time.process_time()
    return {
      **about,
      'candidate': name,
      **dataclasses.asdict(findings),
      'cpu_seconds': seconds,
    }

  keys = iter(
    jax.random.split(
      jax.random.fold_in(jax.random.PRNGKey(seed), 1),
      num_critics + 1 + len(_FLOWS),
    )
  )
  critic = advantages.make_critic(trained.spec, run.agent.fit)
  fit = advantages.make_fit(critic, num_updates, _BATCH_SIZE)
  values_of = advantages.make_values(critic, setting)
  ensemble = [
    values_of(fit(next(keys), setting.fitted)) for _ in range(num_critics)
  ]
  reference = advantages.mean_values(ensemble)
  yield row('ensemble', advantages.measure_ensemble(ensemble, setting))
  values = values_of(fit(next(keys), setting.fitted))
  yield row('critic', advantages.measure(values, reference, setting))
  # The key depends on its position, not on the other candidates.
  for (name, flow), key in zip(_FLOWS.items(), keys, strict=True):
    if name not in candidates:
      continue
    config = dataclasses.replace(quinoa.QuinoaConfig.direct(), flow=flow)
    regressor = advantages.make_direct(
      trained.spec, config, setting.temperature
    )
    params = advantages.make_fit(regressor, num_updates, _BATCH_SIZE)(
      key, setting.fitted
    )
    values = advantages.make_values(regressor, setting)(params)
    yield row(
      name,
      advantages.measure_flow(regressor, params, values, reference, setting),
    )


def read(table: pathlib.Path) -> list[dict[str, str]]:
  """Reads a table.

  Raises:
    ValueError: if the file has other columns.
  """
  with table.open(newline='') as file:
    reader = csv.DictReader(file)
    if tuple(reader.fieldnames or ()) != _COLUMNS:
      raise ValueError(
        f'--output={table} is a file with other columns than these: '
        f'{", ".join(_COLUMNS)}. Give another.'
      )
    return list(reader)


def write(table: pathlib.Path, rows: Sequence[Mapping[str, Any]]) -> None:
  """Puts rows into a table; they replace earlier rows of the same identity."""
  known = read(table) if table.exists() else []
  made = [{k: _cell(row[k]) for k in _COLUMNS} for row in rows]
  names = ['ensemble', 'critic', *_FLOWS]
  merged = {tuple(row[k] for k in _KEY): row for row in [*known, *made]}
  table.parent.mkdir(parents=True, exist_ok=True)
  aside = table.with_suffix('.tmp')
  with aside.open('w', newline='') as file:
    writer = csv.DictWriter(file, _COLUMNS, lineterminator='\n')
    writer.writeheader()
    writer.writerows(
      sorted(
        merged.values(),
        key=lambda row: (
          row['task'],
          int(row['run_seed']),
          int(row['seed']),
          names.index(row['candidate']),
        ),
      )
    )
  os.replace(aside, table)


def _cell(value: Any) -> str:
  if not isinstance(value, float):
    return str(value)
  return '' if math.isnan(value) else f'{value:.5g}'


def make_table(rows: Sequence[Mapping[str, str]]) -> str:
  """The table by candidate, in Markdown: the median over seeds, and the range.

  Args:
    rows: from `read`.

  Returns:
    The table, with its conditions below.
  """
  lines = [
    f'| | {" | ".join(_HEADS.values())} |',
    '|' + '---|' * (1 + len(_HEADS)),
  ]
  for name in dict.fromkeys(row['candidate'] for row in rows):
    found = [row for row in rows if row['candidate'] == name]
    cells = [_format([row[key] for row in found]) for key in _HEADS]
    lines.append(f'| {name} | {" | ".join(cells)} |')
  first = rows[0]
  runs = {
    tuple(row[k] for k in ('task', 'run_seed', 'run_updates')) for row in rows
  }
  per_seed: dict[tuple[str, ...], float] = {}
  for row in rows:
    key = (row['task'], row['run_seed'], row['seed'])
    per_seed[key] = per_seed.get(key, 0.0) + float(row['cpu_seconds'])
  said = '; '.join(
    f'{task}, seed {seed}, after {int(updates):,} updates'
    for task, seed, updates in sorted(runs)
  )
  returns, soft = (
    _format([row[key] for row in rows if row['candidate'] == 'ensemble'])
    for key in ('discounted_return', 'soft_return')
  )
  return '\n'.join(
    [
      *lines,
      '',
      f'{"Run" if len(runs) == 1 else "Runs"}: {said}; '
      f'{int(first["transitions"]):,} transitions, alpha '
      f'{float(first["temperature"]):.3g}, {first["critics"]} critics, '
      f'{int(first["updates"]):,} updates of {_BATCH_SIZE}. Measured on '
      f"episodes of the run's policy: discounted return {returns}, soft return "
      f'{soft}. {_format([str(x) for x in per_seed.values()])} CPU seconds a '
      f'seed; {first["machine"]}, {first["device"]}; Python '
      f'{first["python"]}, jax {first["jax"]}; commit '
      f'{", ".join(sorted({row["commit"] for row in rows}))}.',
    ]
  )


def _format(cells: Sequence[str]) -> str:
  """The median and the range, or nothing."""
  numbers = [float(cell) for cell in cells if cell]
  if not numbers:
    return ''
  median, low, high = (
    f'{x:.3g}' for x in (statistics.median(numbers), min(numbers), max(numbers))
  )
  return median if low == high else f'{median} ({low} to {high})'


def split(page: pathlib.Path) -> tuple[str, str]:
  """The text before and after a page's table.

  Args:
    page: the file.

  Returns:
    The texts, without the marks.

  Raises:
    ValueError: if the page lacks a mark.
  """
  before, found, rest = page.read_text().partition(_BEGIN)
  _, closed, after = rest.partition(_END)
  if not (found and closed):
    raise ValueError(f'--page={page} must have the lines {_BEGIN} and {_END}.')
  return before, after


def main(argv: list[str]) -> None:
  """Runs the script."""
  scripts.begin(argv)
  try:
    _run()
  except (
    OSError,
    ValueError,
    FloatingPointError,
    checkpointing.CheckpointError,
  ) as error:
    sys.exit(f'error: {error}')


def _run() -> None:
  output = pathlib.Path(_OUTPUT.value)
  for name in _CANDIDATES.value:
    if name not in _FLOWS:
      raise ValueError(
        f'--candidates: unknown {name!r}'
        f'{options.suggest(name, list(_FLOWS))} There are {", ".join(_FLOWS)}.'
      )
  scripts.check_output('output', output)
  if output.exists():
    read(output)
  if _PAGE.value:
    split(pathlib.Path(_PAGE.value))
  elif not _WORKDIR.value:
    raise ValueError('give the --workdir of a run, or the --page to renew.')
  if _WORKDIR.value:
    rows = []
    for row in diagnose(
      running.read_config(_WORKDIR.value),
      _CANDIDATES.value,
      seed=_SEED.value,
      num_critics=_CRITICS.value,
      num_updates=_UPDATES.value,
      num_states=_STATES.value,
      num_episodes=_EPISODES.value,
    ):
      rows.append(row)
      seconds = row['cpu_seconds']
      print(f'{row["candidate"]}: {seconds:.0f} CPU seconds', flush=True)
    write(output, rows)
    cells = [{k: _cell(x) for k, x in row.items()} for row in rows]
    print(make_table(cells))
  if _PAGE.value:
    page = pathlib.Path(_PAGE.value)
    before, after = split(page)
    table = make_table(read(output))
    page.write_text(f'{before}{_BEGIN}\n{table}\n{_END}{after}')


if __name__ == '__main__':
  scripts.run(main)
