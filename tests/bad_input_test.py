"""Goes through the table of wrong values, and through the flags and fields."""

import dataclasses
import pathlib
import re
import shlex
from typing import NamedTuple

from absl import flags
import experiment_scripts
import pytest
import script_flags

from quinoa_acme.agents.common import off_policy
from quinoa_acme.runs import command_line
from quinoa_acme.runs import evaluation_limits
from quinoa_acme.runs import running
from quinoa_acme.runs.checkpoints import replay_checkpoints
from quinoa_acme.runs.checkpoints import run_folder
from quinoa_acme.runs.distributed import vertex_ai
from quinoa_acme.utils import options

_PAGE = pathlib.Path(__file__).resolve().parents[1] / 'docs' / 'bad-input.md'
_SCRIPT = re.compile(r'^## (\w+)\.py$', re.MULTILINE)
_ROW = re.compile(
  r'^\| `?([\w.-]+|any other)`? \| .* \| `(.*?)` \| `(.*?)` \|$'
)


# By their algorithms.
_TRAINING = {f'run_{algorithm}': algorithm for algorithm in running.PRESETS}


class _Row(NamedTuple):
  script: str
  name: str
  arguments: list[str]
  message: str


def _read_table() -> list[_Row]:
  _, *parts = _SCRIPT.split(_PAGE.read_text())
  rows = []
  for script, text in zip(parts[::2], parts[1::2], strict=True):
    for line in text.split('\n## ')[0].splitlines():
      if match := _ROW.match(line):
        name, example, message = match.groups()
        rows.append(_Row(script, name, shlex.split(example), message))
  return rows


_TABLE = _read_table()


def _begin(row: _Row) -> None:
  """Does what a script does before it trains."""
  algorithm = _TRAINING[row.script]
  values = script_flags.define(algorithm)
  values(['script', *row.arguments])
  command_line.read_machines(values)
  config, _ = command_line.read_flags(algorithm, values)
  with run_folder.hold(config.workdir):
    pass


_TRAINING_ROWS = [row for row in _TABLE if row.script in _TRAINING]
_OTHER_ROWS = [row for row in _TABLE if row.script not in _TRAINING]


@pytest.mark.parametrize(
  'row', _TRAINING_ROWS, ids=lambda row: ' '.join(row.arguments)
)
def test_a_wrong_value_says_what_the_table_says(row, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  monkeypatch.delenv('GOOGLE_CLOUD_BUCKET_NAME', raising=False)
  with pytest.raises((flags.Error, ValueError)) as error:
    _begin(row)
  assert row.message in str(error.value)
  assert not list(tmp_path.iterdir())


def _run(row: _Row) -> None:
  with experiment_scripts.load(row.script) as script:
    flags.FLAGS(['script', *row.arguments])
    script.names['main'](['script'])


@pytest.mark.parametrize(
  'row', _OTHER_ROWS, ids=lambda row: ' '.join((row.script, *row.arguments))
)
def test_other_scripts_say_what_the_table_says(row, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  with pytest.raises((flags.Error, SystemExit)) as error:
    _run(row)
  assert row.message in str(error.value)
  assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('script', sorted({row.script for row in _OTHER_ROWS}))
def test_every_flag_of_other_scripts_has_a_row(script):
  with experiment_scripts.load(script) as loaded:
    found = {row.name for row in _TABLE if row.script == script}
    assert {f'--{name}' for name in loaded.flags} == found


def test_every_script_has_a_table():
  found = {path.stem for path in experiment_scripts.EXPERIMENTS.glob('*.py')}
  assert found == {row.script for row in _TABLE}


def _fields(kind: type) -> set[str]:
  return {field.name for field in dataclasses.fields(kind)}


@pytest.mark.parametrize('algorithm', running.PRESETS)
def test_every_flag_has_a_row(algorithm):
  found = {row.name for row in _TABLE if row.script == f'run_{algorithm}'}
  wanted = {f'--{name}' for name in script_flags.define(algorithm)}
  if algorithm != 'quinoa':
    shared = {f'--{name}' for name in script_flags.define('quinoa')}
    wanted -= shared
    found |= {f'--{name}' for name in _fields(off_policy.OffPolicyConfig)}
  assert wanted <= found


@pytest.mark.parametrize('algorithm', running.PRESETS)
def test_every_field_of_an_option_has_a_row(algorithm):
  kind = type(running.find_preset(algorithm, 'default')())
  found = {row.name for row in _TABLE}
  of_runs = {
    option.__name__: option
    for option in (
      evaluation_limits.TruncateAfter,
      evaluation_limits.FailAfter,
      replay_checkpoints.ReplayCheckpoints,
      vertex_ai.Machines,
      vertex_ai.Machine,
    )
  }
  wanted = {
    f'{name}.{field}'
    for name, option in (options.option_types_of(kind) | of_runs).items()
    for field in _fields(option)
  }
  assert wanted <= found


def test_without_a_flag_all_is_well():
  for algorithm in running.PRESETS:
    values = script_flags.define(algorithm)
    values(['script', '--lp_launch_type=local_mp', '--seed=7'])
    config, launch_type = command_line.read_flags(algorithm, values)
    assert config.agent == running.find_preset(algorithm, 'default')()
    assert config.seed == 7
    assert launch_type == 'local_mp'
