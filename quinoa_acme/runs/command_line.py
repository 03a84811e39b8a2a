"""The flags that the scripts of all agents share.

They are read, and errors reported, before the code that runs a run is imported,
and with it Reverb and TensorFlow.
"""

from collections.abc import Callable, Sequence
import dataclasses
import os
import sys
from typing import Any

from absl import flags

from quinoa_acme.agents.common import off_policy
from quinoa_acme.runs import experiment
from quinoa_acme.runs import usage as usage_lib
from quinoa_acme.runs.distributed import launchers
from quinoa_acme.runs.watching import terminal
from quinoa_acme.utils import extras
from quinoa_acme.utils import options
from quinoa_acme.utils import resources
from quinoa_acme.utils import user_modules

# Fields with a flag of another kind, or with none.
_NOT_TEXT = ('agent', 'environment_factory', 'env_name', 'workdir', 'loggers')


def make_main(algorithm: str) -> Callable[[], None]:
  """Defines the flags of a training script.

  Every field of the agent's configuration is a flag, written as in Python:
  `--temperature='FixedTemperature(0.1)'`. So is every field of the preset's
  value: `--temperature.epsilon=0.5`. So is every field of the run.

  Args:
    algorithm: a key of `experiment.PRESETS`.

  Returns:
    A function that trains by the parsed flags, and does not return.
  """
  values = flags.FLAGS
  try:
    _define_launch_type(values)
  except extras.MissingExtraError as error:
    sys.exit(f'error: {error}')
  define_flags(algorithm, values, usage_lib.find_nested(sys.argv))

  def main() -> None:
    resources.compute_in_calling_thread()
    try:
      config, launch_type = read_flags(algorithm, values)
      machines = read_machines(values)
    except ValueError as error:
      sys.exit(f'error: {error}')
    # Only now, because it takes seconds.
    from quinoa_acme.runs import running

    try:
      status = running.run(config, launch_type, values.allow_changes, machines)
    except running.RefusedError as error:
      sys.exit(f'error: {error}')
    # Threads of TensorFlow and Reverb may block or crash the normal shutdown of
    # the interpreter. All files are closed by now.
    for stream in (sys.stdout, sys.stderr):
      terminal.write('', stream)
    os._exit(status)

  return main


def _define_launch_type(values: flags.FlagValues) -> None:
  """Defines Launchpad's flags, or for one process its launch type alone."""
  if 'launchpad' in sys.modules:
    return
  if not usage_lib.is_in_one_process(sys.argv):
    with extras.needed_for('A distributed run', extras.ONE_PROCESS):
      import launchpad  # noqa: F401
    return
  flags.DEFINE_string(
    usage_lib.LAUNCH_TYPE.name,
    usage_lib.LAUNCH_TYPE.default,
    usage_lib.LAUNCH_TYPE.meaning,
    flag_values=values,
    # Acme's own agents import Launchpad, which then defines it again.
    allow_override=True,
  )


def define_flags(
  algorithm: str, values: flags.FlagValues, nested: Sequence[str] = ()
) -> None:
  """Defines the flags of a training script.

  Args:
    algorithm: a key of `experiment.PRESETS`.
    values: receives the flags; already has Launchpad's.
    nested: the command line's flags for fields of fields, e.g.
      'temperature.epsilon'.
  """
  usage = usage_lib.read_usage(algorithm)

  def define(name: str, definer=flags.DEFINE_string, default=None) -> None:
    definer(name, default, usage.flag(name).meaning, flag_values=values)

  define('env_name', default=usage.flag('env_name').default)
  define('workdir')
  define('preset', default=usage.flag('preset').default)
  define('run_distributed', flags.DEFINE_bool, True)
  define('allow_changes', flags.DEFINE_list, [])
  define('machines')
  define('modules', flags.DEFINE_list, [])
  define('logger', flags.DEFINE_list, usage.flag('logger').default)
  for name in _run_fields():
    define(name)
  for field in dataclasses.fields(_agent_type(algorithm)):
    define(field.name)
  for name in nested:
    flags.DEFINE_string(name, None, 'A field of a field.', flag_values=values)
  # Launchpad's own default is threads.
  values.set_default(usage_lib.LAUNCH_TYPE.name, usage_lib.LAUNCH_TYPE.default)


def read_flags(
  algorithm: str, values: flags.FlagValues
) -> tuple[experiment.ExperimentConfig, str | None]:
  """Reads the flags of `define_flags`.

  Args:
    algorithm: as there.
    values: the parsed flags, including Launchpad's `lp_launch_type`.

  Returns:
    The run and its launch type: Launchpad's name for it, or None for a single
    process.

  Raises:
    ValueError: if a flag is wrong; says which, and what would be right.
  """
  # First, because they register what other flags may name.
  user_modules.load_all(values.modules)
  run_fields = _run_fields()
  agent_fields = [
    field.name for field in dataclasses.fields(_agent_type(algorithm))
  ]
  _check_names(values.allow_changes, run_fields + agent_fields + ['env_name'])
  launch_type = None
  if values.run_distributed:
    launch_type = values.lp_launch_type
    experiment.check_launch_type(launch_type)
  run_options = options.parse_fields(
    experiment.ExperimentConfig, _given(values, run_fields)
  )
  config = experiment.make_config(
    env_name=values.env_name,
    algorithm=algorithm,
    preset=values.preset,
    overrides=_given(values, [*agent_fields, *(x for x in values if '.' in x)]),
    workdir=_workdir(values, launch_type, run_options.get('seed', 0)),
    loggers=tuple(values.logger),
    **run_options,
  )
  if launch_type is None:
    experiment.check_one_process(config)
  return config, launch_type


def read_machines(values: flags.FlagValues) -> Any:
  """Reads the flag of `define_flags` for the nodes' machines.

  Args:
    values: the parsed flags.

  Returns:
    The machines, in the form of the launch type's launcher; None for its
    default.

  Raises:
    ValueError: if the flag is wrong; says what would be right.
  """
  if values.machines is None:
    return None
  launch_type = values.lp_launch_type if values.run_distributed else None
  launcher = launchers.find(launch_type)
  # Values that fit no launcher are reported first.
  read = launcher or launchers.find(launchers.LAUNCH_TYPES[0])
  assert read is not None
  try:
    machines = options.parse(values.machines, read.machines)
  except ValueError as error:
    raise ValueError(f'machines={values.machines!r}: {error}') from None
  if launcher is None:
    known = ' or '.join(launchers.LAUNCH_TYPES)
    raise ValueError(f'--machines is only for --lp_launch_type={known}.')
  return machines


def _workdir(
  values: flags.FlagValues, launch_type: str | None, seed: int
) -> str | None:
  launcher = launchers.find(launch_type)
  if launcher is None or values.workdir is not None:
    return values.workdir
  return launcher.default_workdir(
    experiment.default_workdir(values.env_name, seed)
  )


def _run_fields() -> list[str]:
  """The fields of a run that can be set by a text."""
  return [
    field.name
    for field in dataclasses.fields(experiment.ExperimentConfig)
    if field.name not in _NOT_TEXT
  ]


def _agent_type(algorithm: str) -> type[off_policy.OffPolicyConfig]:
  return type(experiment.find_preset(algorithm, 'default')())


def _given(values: flags.FlagValues, names: Sequence[str]) -> dict[str, str]:
  """The texts of the flags that were given."""
  return {
    name: text for name in names if (text := values[name].value) is not None
  }


def _check_names(names: Sequence[str], known: Sequence[str]) -> None:
  for name in names:
    if name not in known:
      raise ValueError(
        f'--allow_changes: there is no field {name!r}'
        f'{options.suggest(name, known)}'
      )
