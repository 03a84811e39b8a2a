"""The flags that the scripts of all agents share."""

from collections.abc import Callable
import dataclasses
import os
import sys

from absl import app
from absl import flags
from absl import logging

from quinoa_acme import running

_RUN_FLAGS = ('num_steps', 'num_actors', 'eval_every', 'evaluation_episodes')


def run_script(algorithm: str) -> None:
  """Defines the flags, reads the command line, and trains; does not return.

  Every field of the agent's configuration is a flag, written as in Python:
  `--temperature='FixedTemperature(0.1)'`.

  Args:
    algorithm: a key of `running.PRESETS`.
  """
  main = _define_flags(algorithm)
  app.run(main)


def begin(argv: list[str]) -> None:
  """What the `main` of a script does first.

  Args:
    argv: what the flags left of the command line.

  Raises:
    app.UsageError: if that is more than the script's name.
  """
  if len(argv) > 1:
    raise app.UsageError(f'Unknown arguments {argv[1:]}; flags begin with --.')
  if not flags.FLAGS['verbosity'].present:
    # The terminal is the progress line's.
    logging.set_verbosity(logging.WARNING)


def _define_flags(algorithm: str) -> Callable[[list[str]], None]:
  presets = running.PRESETS[algorithm]
  flags.DEFINE_string('env_name', 'control:cheetah:run', 'Which task to train.')
  flags.DEFINE_integer('num_steps', 100_000, 'Environment steps to train for.')
  flags.DEFINE_integer('seed', 0, 'Seed of everything random.', lower_bound=0)
  flags.DEFINE_integer('num_actors', 1, 'Actors of a distributed run.')
  flags.DEFINE_integer('eval_every', 10_000, 'Environment steps an evaluation.')
  flags.DEFINE_integer('evaluation_episodes', 10, 'Episodes an evaluation.')
  flags.DEFINE_bool(
    'run_distributed', True, 'Nodes by Launchpad, or one thread.'
  )
  flags.DEFINE_string(
    'workdir', None, 'Folder of the run; a new one if not set.'
  )
  flags.DEFINE_enum(
    'preset', 'default', list(presets), "The agent's configuration."
  )
  config_type = type(presets['default']())
  names = [field.name for field in dataclasses.fields(config_type)]
  for name in names:
    flags.DEFINE_string(name, None, f'Replaces {config_type.__name__}.{name}.')
  values = flags.FLAGS

  def main(argv: list[str]) -> None:
    begin(argv)
    overrides = {
      name: text for name in names if (text := values[name].value) is not None
    }
    try:
      config = running.make_config(
        env_name=values.env_name,
        algorithm=algorithm,
        preset=values.preset,
        overrides=overrides,
        workdir=values.workdir,
        seed=values.seed,
        **{name: values[name].value for name in _RUN_FLAGS},
      )
    except ValueError as error:
      sys.exit(f'error: {error}')
    launch_type = values.lp_launch_type if values.run_distributed else None
    status = running.run(config, launch_type)
    # Threads of TensorFlow's and Reverb's may hold up, or crash, an interpreter
    # that goes down by itself. All files are closed by now.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)

  return main
