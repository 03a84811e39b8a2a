"""The table of what was found of flows, and its summary in a page."""

from collections.abc import Mapping, Sequence
import csv
import dataclasses
import math
import os
import pathlib
import statistics
from typing import Any

from experiments.lib import advantages
from experiments.lib import csv_files
from experiments.lib import flow_diagnosis
from experiments.lib import markdown

_NUMBERS = tuple(x.name for x in dataclasses.fields(advantages.Findings))
COLUMNS = (
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
BEGIN, END = (
  '<!-- Made by experiments/diagnose_flow.py. -->',
  '<!-- End of it. -->',
)


def read(table: pathlib.Path) -> list[dict[str, str]]:
  """Reads a table.

  Raises:
    ValueError: if the file has other columns.
  """
  with table.open(newline='') as file:
    reader = csv.DictReader(file)
    if tuple(reader.fieldnames or ()) != COLUMNS:
      raise ValueError(
        f'--output={table} is a file with other columns than these: '
        f'{", ".join(COLUMNS)}. Give another.'
      )
    return list(reader)


def write(table: pathlib.Path, rows: Sequence[Mapping[str, Any]]) -> None:
  """Puts rows into a table; they replace earlier rows of the same identity."""
  known = read(table) if table.exists() else []
  made = [{k: cell(row[k]) for k in COLUMNS} for row in rows]
  merged = {tuple(row[k] for k in _KEY): row for row in [*known, *made]}
  table.parent.mkdir(parents=True, exist_ok=True)
  aside = table.with_suffix('.tmp')
  csv_files.write(aside, COLUMNS, sorted(merged.values(), key=_order))
  os.replace(aside, table)


def _order(row: Mapping[str, str]) -> tuple[str, int, int, int]:
  """Where a row belongs in the table: what comes before has less."""
  names = ['ensemble', 'critic', *flow_diagnosis.FLOWS]
  return (
    row['task'],
    int(row['run_seed']),
    int(row['seed']),
    names.index(row['candidate']),
  )


def cell(value: Any) -> str:
  """A value as the table has it; '' for what is not a number."""
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
    lines.append(markdown.line(name, *cells))
  return '\n'.join([*lines, '', _describe(rows)])


def _describe(rows: Sequence[Mapping[str, str]]) -> str:
  """Of which runs a table is, and what they returned; a paragraph."""
  first = rows[0]
  runs = {
    tuple(row[k] for k in ('task', 'run_seed', 'run_updates')) for row in rows
  }
  said = '; '.join(
    f'{task}, seed {seed}, after {int(updates):,} updates'
    for task, seed, updates in sorted(runs)
  )
  returns, soft = (
    _format([row[key] for row in rows if row['candidate'] == 'ensemble'])
    for key in ('discounted_return', 'soft_return')
  )
  return (
    f'{"Run" if len(runs) == 1 else "Runs"}: {said}; '
    f'{int(first["transitions"]):,} transitions, alpha '
    f'{float(first["temperature"]):.3g}, {first["critics"]} critics, '
    f'{int(first["updates"]):,} updates of {flow_diagnosis.BATCH_SIZE}. '
    f"Measured on episodes of the run's policy: discounted return {returns}, "
    f'soft return {soft}. {_format(_seconds_by_seed(rows))} CPU seconds a '
    f'seed; {first["machine"]}, {first["device"]}; Python '
    f'{first["python"]}, jax {first["jax"]}; commit '
    f'{", ".join(sorted({row["commit"] for row in rows}))}.'
  )


def _seconds_by_seed(rows: Sequence[Mapping[str, str]]) -> list[str]:
  """The CPU seconds of all rows together, for each seed."""
  seconds: dict[tuple[str, ...], float] = {}
  for row in rows:
    key = (row['task'], row['run_seed'], row['seed'])
    seconds[key] = seconds.get(key, 0.0) + float(row['cpu_seconds'])
  return [str(x) for x in seconds.values()]


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
  parts = markdown.split(page.read_text(), BEGIN, END)
  if parts is None:
    raise ValueError(f'--page={page} must have the lines {BEGIN} and {END}.')
  return parts


def renew(page: pathlib.Path, table: pathlib.Path) -> None:
  """Puts the summary of a table into a page.

  Raises:
    ValueError: if the page has not both marks, or the table other columns.
  """
  before, after = split(page)
  text = make_table(read(table))
  page.write_text(f'{before}{BEGIN}\n{text}\n{END}{after}')
