"""Makes a run's configuration from names and texts of a command line.

Nothing here imports Reverb (and so TensorFlow), or the code that runs a run: a
wrong value is reported before those are loaded.
"""

from collections.abc import Callable
import datetime
import pathlib

from quinoa_acme import environments
from quinoa_acme.agents.agents import PRESETS
from quinoa_acme.agents.common import off_policy
from quinoa_acme.runs import experiment as experiment_lib
from quinoa_acme.runs.distributed import launchers
from quinoa_acme.utils import options

# The Launchpad types that a run supports: processes of this machine, threads,
# or other machines.
LAUNCH_TYPES = ('local_mp', 'local_mt', 'test_mt', *launchers.LAUNCH_TYPES)


def find_preset(
  algorithm: str, preset: str
) -> Callable[[], off_policy.OffPolicyConfig]:
  """Finds the function that makes a preset's configuration.

  Args:
    algorithm: the name of an agent, a key of `PRESETS`.
    preset: a key of the agent's presets there.

  Returns:
    A function without arguments.

  Raises:
    ValueError: if there is none; the message suggests the nearest.
  """
  for kind, name, known in (
    ('algorithm', algorithm, PRESETS),
    ('preset', preset, PRESETS.get(algorithm, {})),
  ):
    if name not in known:
      raise ValueError(
        f'unknown {kind} {name!r}{options.suggest(name, list(known))} There '
        f'are {", ".join(known)}.'
      )
  return PRESETS[algorithm][preset]


def make_config(
  env_name: str,
  algorithm: str,
  preset: str,
  overrides: dict[str, str],
  workdir: str | None,
  seed: int = 0,
  **run_options,
) -> experiment_lib.ExperimentConfig:
  """Makes the configuration of a run from the values of a command line.

  Args:
    env_name: e.g. 'control:cheetah:run'.
    algorithm: the name of an agent, a key of `PRESETS`.
    preset: a key of the agent's presets there.
    overrides: texts by field of the agent's configuration, as `options` reads
      them; they replace the preset's values.
    workdir: the run's folder, or None for a new one under `runs`.
    seed: for everything random.
    **run_options: further fields of `ExperimentConfig`.

  Returns:
    The configuration.

  Raises:
    ValueError: if any of these is wrong; the message says what would be right.
  """
  agent = options.replace(find_preset(algorithm, preset)(), overrides)
  return experiment_lib.ExperimentConfig(
    agent=agent,
    environment_factory=environments.EnvironmentFactory(env_name),
    env_name=env_name,
    workdir=workdir or default_workdir(env_name, seed),
    seed=seed,
    **run_options,
  )


def default_workdir(env_name: str, seed: int) -> str:
  """A relative path for a new folder, named by task, time and seed."""
  task = '_'.join(env_name.split(':')[1:]) or env_name
  # To the microsecond, for runs that begin in the same second. If two still
  # get the same folder, the second is refused.
  now = datetime.datetime.now().strftime('%Y%m%d-%H%M%S-%f')
  return str(pathlib.Path('runs') / f'{task}-{now}-seed{seed}')


def check_launch_type(launch_type: str) -> None:
  """Raises a ValueError if a run cannot be launched this way."""
  if launch_type not in LAUNCH_TYPES:
    raise ValueError(
      f'lp_launch_type must be one of {", ".join(LAUNCH_TYPES)}, but is '
      f'{launch_type!r}. For one thread use --run_distributed=false.'
    )


def check_one_process(config: experiment_lib.ExperimentConfig) -> None:
  """Raises a ValueError if the run cannot run in one process."""
  if config.environments_per_actor > 1:
    raise ValueError(
      'environments_per_actor must be 1 for a run in one process, but is '
      f'{config.environments_per_actor}. Use a distributed run, or one '
      'environment.'
    )
