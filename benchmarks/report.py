"""Files of measurements: writing, reading, comparing them, and the table.

A file holds the samples themselves, and what they were taken on.
"""

from collections.abc import Mapping, Sequence
import dataclasses
import datetime
from importlib import metadata
import json
import math
import os
import pathlib
import platform
import re
from typing import Any

from benchmarks import lines as lines_lib
from quinoa_acme.runs import experiment

# Between them the page has the table.
_BEGIN = '<!-- speed made by python -m benchmarks -->'
_END = '<!-- end of speed -->'

# By how much a ratio may be worse before it is a loss: two runs of one commit
# on one machine differ by as much, beyond what their samples show.
_ALLOWANCE = 0.1
_PACKAGES = (
  'jax',
  'dm-acme',
  'dm-reverb',
  'dm-haiku',
  'distrax',
  'mujoco',
  'dm-control',
  'gymnasium',
  'onnxruntime',
)


def describe() -> dict[str, Any]:
  """The machine, versions, commit and time."""
  return {
    'when': datetime.datetime.now().isoformat(timespec='seconds'),
    'machine': {
      'processor': _processor(),
      'cores': len(os.sched_getaffinity(0)),
      'load': round(os.getloadavg()[0], 1),
      'system': platform.platform(),
    },
    'python': platform.python_version(),
    'packages': {name: metadata.version(name) for name in _PACKAGES},
    **experiment.describe_source(),
  }


def _processor() -> str:
  for line in pathlib.Path('/proc/cpuinfo').read_text().splitlines():
    if line.startswith('model name'):
      return line.partition(':')[2].strip()
  return platform.processor()


def path_of(folder: pathlib.Path, processor: str | None = None) -> pathlib.Path:
  """The file of a processor: ratios to the peers depend on it too.

  Args:
    folder: where the files are.
    processor: its name, that of this machine if None.

  Returns:
    A path, of a file that may be or not.
  """
  name = (processor or _processor()).lower().replace('(r)', '')
  return folder / f'{re.sub("[^a-z0-9.]+", "-", name).strip("-")}.json'


def newest_first(folder: pathlib.Path) -> list[pathlib.Path]:
  """The files of a folder, by when their newest line was measured.

  Raises:
    FileNotFoundError: if there is none.
  """
  paths = list(folder.glob('*.json'))
  if not paths:
    raise FileNotFoundError(f'no measurements in {folder}; run `make bench`.')

  def newest(path: pathlib.Path) -> str:
    return max(x['on']['when'] for x in json.loads(path.read_text()).values())

  return sorted(paths, key=newest, reverse=True)


def headline(path: pathlib.Path) -> str:
  """What a file was measured on, in bold Markdown."""
  descriptions = [x['on'] for x in json.loads(path.read_text()).values()]
  machine = descriptions[0]['machine']
  days = sorted({x['when'].partition('T')[0] for x in descriptions})
  commits = sorted({x['commit'] for x in descriptions})
  return (
    f'**{machine["processor"]}, {machine["cores"]} cores; '
    f'{", ".join(days)}, commit {", ".join(commits)}**'
  )


def write(
  path: pathlib.Path,
  measured: Mapping[str, lines_lib.Samples],
  description: Mapping[str, Any],
) -> None:
  """Puts measurements into a file, in the place of those of the same lines.

  Each line keeps the description that it was measured under.
  """
  content = json.loads(path.read_text()) if path.exists() else {}
  for name, samples in lines_lib.to_plain(measured).items():
    content[name] = {**samples, 'on': dict(description)}
  path.parent.mkdir(parents=True, exist_ok=True)
  aside = path.with_suffix('.tmp')
  aside.write_text(json.dumps(content, indent=1, sort_keys=True) + '\n')
  os.replace(aside, path)


def read(path: pathlib.Path) -> dict[str, lines_lib.Samples]:
  """Reads what `write` wrote.

  Raises:
    FileNotFoundError: if there is no such file.
  """
  return lines_lib.from_plain(json.loads(path.read_text()))


@dataclasses.dataclass(frozen=True)
class Change:
  """What became of a line.

  Attributes:
    line: the line.
    factor: the new ratio to the peer, over the old one.
  """

  line: lines_lib.Line
  factor: lines_lib.Estimate

  @property
  def verdict(self) -> str:
    """'worse', 'better', or 'no difference shown'.

    Worse, or better, is what is so by more than the allowance with the whole of
    its interval; without an interval, by more than twice the allowance.
    """
    low, high = self.factor.low, self.factor.high
    allowance = 1.0 + _ALLOWANCE
    if math.isnan(low):
      low = high = self.factor.value
      allowance = 1.0 + 2 * _ALLOWANCE
    if self.line.better == 'higher':
      low, high = 1.0 / high, 1.0 / low
    if low > allowance:
      return 'worse'
    if high < 1.0 / allowance:
      return 'better'
    return 'no difference shown'


def compare(
  table: Sequence[lines_lib.Line],
  old: Mapping[str, lines_lib.Samples],
  new: Mapping[str, lines_lib.Samples],
  confidence: float = 0.95,
) -> list[Change]:
  """Compares ratios to the peers, since machines differ.

  Args:
    table: the lines.
    old: measured before; a line that is not among them is not compared.
    new: measured now.
    confidence: of all intervals together (Bonferroni).

  Returns:
    A change for each line that is in both.

  Raises:
    ValueError: if there is none such.
  """
  shared = [line for line in table if line.name in old and line.name in new]
  if not shared:
    raise ValueError(
      'no line was measured both before and now: measure those of '
      f'{sorted(old)}, or commit new figures with `make bench`.'
    )
  each = 1.0 - (1.0 - confidence) / len(shared)
  return [
    Change(line, lines_lib.change(line, old[line.name], new[line.name], each))
    for line in shared
  ]


def format_changes(changes: Sequence[Change]) -> str:
  """The changes for the terminal, one a line."""
  width = max(len(change.line.name) for change in changes)
  return '\n'.join(
    f'{x.line.name:{width}}  ratio times {x.factor.value:.2f} '
    f'[{x.factor.low:.2f}, {x.factor.high:.2f}], {x.line.better} is better: '
    f'{x.verdict}'
    for x in changes
  )


def format_table(
  table: Sequence[lines_lib.Line], measured: Mapping[str, lines_lib.Samples]
) -> str:
  """The table in Markdown; lines that were not measured say so."""
  rows = [
    '| what | ours | beside | ours | beside | ratio | bar | reach | |',
    '|---|---|---|---|---|---|---|---|---|',
  ]
  rows += [_row(line, measured.get(line.name)) for line in table]
  return '\n'.join(rows)


def _row(line: lines_lib.Line, samples: lines_lib.Samples | None) -> str:
  sign = '≥' if line.better == 'higher' else '≤'
  unit = '' if line.judged == 'ratio' else f' {line.unit}'
  goals = [f'{sign} {goal:g}{unit}' for goal in (line.bar, line.reach)]
  if samples is None:
    figures = ['not measured', '', '', *goals, '']
  else:
    value = lines_lib.judged(line, samples).value
    verdict = 'missed'
    for goal, word in ((line.bar, 'met'), (line.reach, 'reached')):
      verdict = word if line.meets(value, goal) else verdict
    figures = [
      *(
        f'{lines_lib.centre(line, x):.3g} {line.unit}'
        for x in (samples.ours, samples.peer)
      ),
      _format(lines_lib.ratio(line, samples)),
      *goals,
      verdict,
    ]
  return f'| {" | ".join([line.what, line.ours, line.peer, *figures])} |'


def _format(estimate: lines_lib.Estimate) -> str:
  if math.isnan(estimate.low):
    return f'{estimate.value:.2f}'
  return f'{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]'


def put(table: str, page: str) -> str:
  """Puts the table into the page, between its marks.

  Raises:
    ValueError: if the page has no marks.
  """
  before, begun, rest = page.partition(_BEGIN)
  _, ended, after = rest.partition(_END)
  if not (begun and ended):
    raise ValueError(f'the page must have the marks {_BEGIN} and {_END}.')
  return f'{before}{_BEGIN}\n{table}\n{_END}{after}'
