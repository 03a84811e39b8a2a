"""What is read off the source is what the code does."""

import dataclasses

from absl import flags
import pytest
import script_flags

from quinoa_acme.runs import experiment
from quinoa_acme.runs import running
from quinoa_acme.runs import usage as usage_lib


@pytest.mark.parametrize('algorithm', running.PRESETS)
def test_the_source_says_of_a_flag_what_the_code_does(algorithm):
  usage = usage_lib.read_usage(algorithm)
  known = {x.name: x for group in usage.groups.values() for x in group}
  assert set(known) == {*script_flags.define(algorithm)}
  assert all(x.meaning for x in known.values())
  config = running.find_preset(algorithm, 'default')()
  for field in dataclasses.fields(config):
    default = known[field.name].default
    value = getattr(config, field.name)
    if isinstance(value, int | float | str | tuple):
      assert default == repr(value), field.name
    else:
      assert default.startswith(f'{type(value).__name__}('), field.name
  for field in dataclasses.fields(experiment.ExperimentConfig):
    if isinstance(field.default, int | float):
      assert known[field.name].default == repr(field.default)
  assert list(usage.presets) == list(running.PRESETS[algorithm])
  assert all(usage.presets.values())


def test_what_is_a_flag_is_none_that_is_unknown():
  names = [*script_flags.define('quinoa')]
  argv = [
    'script',
    '--norun_distributed',
    '--num_steps',
    '-1',
    '--v=1',
    'value',
  ]
  usage_lib.check_names(
    [*argv, '--lp_launch_type=test_mt', '--', '--no'], names
  )
  # Those of packages that the look before imports does not know.
  for module, found in flags.FLAGS.flags_by_module_dict().items():
    if module not in ('absl.app', 'absl.flags', 'absl.logging'):
      for flag in found:
        assert flag.name.startswith(usage_lib._OTHERS), (module, flag.name)
