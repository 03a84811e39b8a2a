"""What keeps a suite from being made or compared."""

import json

from absl import flags
import pytest

from experiments.lib import suites
from quinoa_acme.cli import command
from quinoa_acme.cli import sweep as sweep_lib

_RUN = {
  'agent': 'quinoa',
  'preset': 'debug',
  'env_names': ['control:cartpole:balance'],
  'seeds': [0],
  'num_steps': 200,
  'eval_every': 100,
}


@pytest.fixture
def parse(tmp_path):
  path = tmp_path / 'small.json'
  path.write_text(json.dumps({'table': 'no_such_table', 'runs': [_RUN]}))

  def parse_flags(*arguments: str) -> flags.FlagValues:
    values = flags.FlagValues()
    sweep_lib.define_flags(values)
    values(['run_suite', f'--suite={path}', *arguments])
    return values

  return parse_flags


def test_a_table_is_asked_for(parse):
  with pytest.raises(command.CommandError, match='--output is not set'):
    suites.run(parse(), compare=False)


def test_nothing_is_run_if_there_is_nothing_to_compare_with(parse, tmp_path):
  values = parse(f'--folder={tmp_path / "runs"}')
  with pytest.raises(command.CommandError, match='without --compare'):
    suites.run(values, compare=True)
  assert not (tmp_path / 'runs').exists()
