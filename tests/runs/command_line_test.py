"""Tests of the flags of a training script, read as a run."""

import pytest
import script_flags

from quinoa_acme.agents import quinoa
from quinoa_acme.runs import command_line


def _read(*arguments, algorithm='quinoa', nested=()):
  values = script_flags.define(algorithm, nested)
  values(['script', *arguments])
  return command_line.read_flags(algorithm, values)


def test_flags_are_a_run_and_a_launch_type(tmp_path):
  config, launch_type = _read(
    '--preset=debug',
    '--env_name=control:cartpole:balance',
    f'--workdir={tmp_path}',
    '--num_steps=500',
    '--seed=7',
    '--learning_rate=2e-3',
    '--temperature=FixedTemperature(0.25)',
    '--lp_launch_type=local_mt',
  )
  assert launch_type == 'local_mt'
  assert (config.num_steps, config.seed) == (500, 7)
  assert config.workdir == str(tmp_path)
  assert config.agent.learning_rate == 2e-3
  assert config.agent.temperature == quinoa.FixedTemperature(0.25)
  # Of the preset.
  assert config.agent.batch_size == quinoa.QuinoaConfig.debug().batch_size


def test_one_process_has_no_launch_type():
  assert _read('--run_distributed=false')[1] is None
  with pytest.raises(ValueError, match='environments_per_actor must be 1'):
    _read('--run_distributed=false', '--environments_per_actor=2')


def test_a_field_of_a_field_has_a_flag():
  config, _ = _read(
    '--fit.pessimism=0.125', algorithm='quinoa', nested=['fit.pessimism']
  )
  assert config.agent.fit == quinoa.CriticFit(pessimism=0.125)


@pytest.mark.parametrize(
  ('argument', 'message'),
  [
    ('--batch_size=many', "batch_size='many'"),
    ('--num_steps=1.5', "num_steps='1.5'"),
    ('--preset=dirct', "did you mean 'direct'"),
    ('--lp_launch_type=local', 'lp_launch_type'),
    ('--allow_changes=sede', "there is no field 'sede'"),
  ],
)
def test_a_wrong_value_is_told(argument, message):
  from absl import flags

  with pytest.raises((ValueError, flags.Error), match=message):
    _read(argument)


def test_machines_are_for_other_machines():
  values = script_flags.define('quinoa')
  values(['script'])
  assert command_line.read_machines(values) is None
  values = script_flags.define('quinoa')
  values(['script', '--machines=Machines()'])
  with pytest.raises(ValueError, match='only for --lp_launch_type=vertex_ai'):
    command_line.read_machines(values)
