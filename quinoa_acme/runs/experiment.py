"""The configuration of a training run, whatever runs it.

Nothing here imports Reverb (and so TensorFlow), or the code that runs a run: a
wrong value on a command line is reported before those are loaded.
"""

from collections.abc import Callable, Sequence
import dataclasses
import datetime
from importlib import metadata
import os
import pathlib
import re
import subprocess
from typing import Any

import dm_env
import numpy as np

from quinoa_acme import environments
from quinoa_acme.agents import agents
from quinoa_acme.agents import registry
from quinoa_acme.agents.common import off_policy
from quinoa_acme.environments import action_repeat as action_repeat_lib
from quinoa_acme.environments import checked
from quinoa_acme.environments import factory as factory_lib
from quinoa_acme.environments import wrappers
from quinoa_acme.runs import evaluation_limits
from quinoa_acme.runs import factories
from quinoa_acme.runs.checkpoints import (
  replay_checkpoints as replay_checkpoints_lib,
)
from quinoa_acme.runs.checkpoints import run_folder
from quinoa_acme.runs.distributed import launchers
from quinoa_acme.runs.watching import services
from quinoa_acme.utils import options
from quinoa_acme.utils import specs
from quinoa_acme.utils import user_modules
from quinoa_acme.utils import validation

PRESETS = agents.PRESETS
# The Launchpad types that a run supports: processes of this machine, threads,
# or other machines.
LAUNCH_TYPES = ('local_mp', 'local_mt', 'test_mt', *launchers.LAUNCH_TYPES)

EnvironmentFactory = Callable[[int], dm_env.Environment]

# Levels of wrappers to look through; more than this are not wrappers.
_MAX_WRAPPERS = 50
_ROOT = pathlib.Path(__file__).resolve().parents[2]
# Not a field: it travels along with the fields to another process.
_CARRIED = 'carried'
# What git leaves out of the comparison: files that measurements write.
_NO_RESULTS = tuple(
  f':(exclude){path}'
  for path in ('experiments/results', 'benchmarks/results', 'docs')
)


@dataclasses.dataclass(frozen=True)
class ExperimentConfig:
  """A training run. Picklable: the nodes of a Launchpad program receive it.

  Attributes:
    agent: the agent's options, a `QuinoaConfig` or another agent's.
    environment_factory: makes an environment from a seed in [0, 2**32); the run
      takes those of `make_environment`, which repeat actions.
    env_name: the environment's name, for logs and plots.
    workdir: the folder for everything that the run writes; a path of any type,
      which is stored as a string, with ~ expanded.
    num_steps: environment steps to train for, over all actors.
    seed: for everything random.
    action_repeat: frames of the environment in a step: each action is repeated
      so often, and the rewards are summed. Other options count steps.
    num_actors: number of actors, each a process with its own environments.
    environments_per_actor: number of environments that an actor of a
      distributed run steps in lockstep, with one call of the policy for all.
    eval_every: environment steps between evaluations.
    evaluation_episodes: episodes per evaluation.
    evaluation_limit: the longest evaluation episode, and whether a longer one
      is truncated or ends the run.
    checkpoint_every: seconds between checkpoints.
    replay_checkpoints: whether and when a distributed run saves its replay.
    environment_timeout: seconds to wait for a call of an environment; then the
      run ends.
    loggers: what gets the run's rows: 'csv', always; 'tensorboard'; and 'wandb'
      (Weights & Biases) and 'mlflow', each with the extra of its name.
  """

  agent: off_policy.OffPolicyConfig
  environment_factory: EnvironmentFactory
  env_name: str
  workdir: str
  num_steps: int = 100_000
  seed: int = 0
  action_repeat: int = 1
  num_actors: int = 1
  environments_per_actor: int = 1
  eval_every: int = 10_000
  evaluation_episodes: int = 10
  evaluation_limit: evaluation_limits.Option = evaluation_limits.TruncateAfter()
  checkpoint_every: float = 60.0
  replay_checkpoints: replay_checkpoints_lib.Option = (
    replay_checkpoints_lib.ReplayCheckpoints()
  )
  environment_timeout: float = 300.0
  loggers: tuple[str, ...] = (services.CSV, services.TENSORBOARD)

  def __post_init__(self):
    validation.make_plain(self, 'environment_factory')
    workdir = os.path.expanduser(os.fspath(self.workdir))
    object.__setattr__(self, 'workdir', workdir)
    validation.check_whole(
      self,
      'num_steps',
      'num_actors',
      'environments_per_actor',
      'eval_every',
      'evaluation_episodes',
    )
    validation.check_positive(self, 'checkpoint_every', 'environment_timeout')
    action_repeat_lib.check(self.action_repeat)
    if (
      self.action_repeat > 1
      and self.environments_per_actor > 1
      and getattr(self.environment_factory, 'vectorization_mode', None)
    ):
      raise ValueError(
        f'{self.environment_factory} steps several environments together, so '
        'none can repeat its actions alone: use action_repeat=1, or leave out '
        'vectorization_mode.'
      )
    loggers = services.check_names(self.loggers)
    object.__setattr__(self, 'loggers', loggers)
    if not (isinstance(self.seed, int) and 0 <= self.seed < 2**32):
      raise ValueError(f'seed must be in [0, 2**32), but is {self.seed!r}.')
    if self.num_steps <= self.agent.min_replay_size:
      raise ValueError(
        f'num_steps ({self.num_steps}) must be above min_replay_size '
        f'({self.agent.min_replay_size}): learning starts only then.'
      )

  def __getstate__(self) -> dict[str, Any]:
    """What is pickled: the fields, and what a script has registered."""
    return {**vars(self), _CARRIED: registry.carry(self.agent)}

  def __setstate__(self, state: dict[str, Any]) -> None:
    """Restores the fields, and repeats the registrations in this process."""
    registry.unpack(state[_CARRIED])
    vars(self).update(
      {name: value for name, value in state.items() if name != _CARRIED}
    )

  def make_agent(self) -> off_policy.OffPolicyAgent:
    """Makes the agent for the options."""
    return agents.make_agent(self.agent)

  def make_environment(self, seed: int) -> dm_env.Environment:
    """Makes an environment as the run acts in it, with its action repeat.

    Args:
      seed: in [0, 2**32).

    Returns:
      The environment.
    """
    return action_repeat_lib.repeat_actions(
      self.environment_factory(seed), self.action_repeat
    )

  def make_environments(self, seeds: Sequence[int]) -> list[dm_env.Environment]:
    """Makes several environments as an actor acts in them.

    Args:
      seeds: of each, in [0, 2**32).

    Returns:
      The environments; if the factory has `make_several`, those it makes.
    """
    return [
      action_repeat_lib.repeat_actions(environment, self.action_repeat)
      for environment in factory_lib.make_several(
        self.environment_factory, seeds
      )
    ]

  def make_spec(self) -> specs.EnvironmentSpec:
    """Makes an environment to read its specs."""
    environment = checked.wrap(self.make_environment(self.seed_of('spec')))
    spec = specs.make_environment_spec(environment)
    wrappers.close(environment)
    return spec

  def check_factory(self) -> specs.EnvironmentSpec:
    """Checks that each call of the factory makes a new environment.

    Returns:
      The specs, as `make_spec` gives them.

    Raises:
      ValueError: if two calls return the same environment.
    """
    first, second = (
      checked.wrap(self.make_environment(self.seed_of(role)))
      for role in ('spec', 'other')
    )
    if _innermost(first) is _innermost(second):
      raise ValueError(
        'environment_factory gave the same environment twice. A run trains in '
        'one and evaluates in another, with different seeds: make a new '
        'one in each call.'
      )
    spec = specs.make_environment_spec(first)
    for environment in (first, second):
      wrappers.close(environment)
    return spec

  def seed_of(self, role: str) -> int:
    """A different seed for each role, the same in every process.

    Args:
      role: e.g. 'learner' or 'actor_0'.

    Returns:
      A number in [0, 2**31).
    """
    entropy = [self.seed, *role.encode()]
    return int(np.random.SeedSequence(entropy).generate_state(1)[0] >> 1)

  def describe(self) -> dict[str, Any]:
    """The run's options as plain values, for JSON."""
    fields = {
      field.name: options.to_plain(getattr(self, field.name))
      for field in dataclasses.fields(self)
      if field.name not in ('agent', 'environment_factory')
    }
    return {
      **fields,
      # Where the user's own is.
      'environment_factory': factories.name_of(self.environment_factory),
      **describe_source(),
      'evaluation': self.make_agent().evaluation,
      'agent': options.to_plain(self.agent),
      # The user's modules that registered the agent's options.
      'modules': user_modules.places_of(options.classes_in(self.agent)),
    }

  def write_json(self) -> pathlib.Path:
    """Writes `config.json` to the workdir, which is made if needed."""
    path = pathlib.Path(self.workdir) / 'config.json'
    path.parent.mkdir(parents=True, exist_ok=True)
    run_folder.write_json(path, self.describe())
    return path


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
  **run_options: Any,
) -> ExperimentConfig:
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
  return ExperimentConfig(
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
  # Arguments may hold anything.
  task = re.sub(r'[^\w./=-]+', '_', task).strip('_')
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


def check_one_process(config: ExperimentConfig) -> None:
  """Raises a ValueError if the run cannot run in one process."""
  if config.environments_per_actor > 1:
    raise ValueError(
      'environments_per_actor must be 1 for a run in one process, but is '
      f'{config.environments_per_actor}. Use a distributed run, or one '
      'environment.'
    )


def _innermost(environment: Any) -> Any:
  """The environment inside wrappers of Acme and Gymnasium."""
  for _ in range(_MAX_WRAPPERS):
    inner = getattr(environment, '_environment', None)
    if inner is None:
      inner = getattr(environment, 'env', None)
    if inner is None:
      break
    environment = inner
  return environment


def describe_source() -> dict[str, str]:
  """The version of the package, and the commit of its source tree."""
  return {
    'version': metadata.version('quinoa_acme'),
    'commit': commit_of(_ROOT),
  }


def commit_of(root: pathlib.Path) -> str:
  """The commit of a source tree, or '' if it is in no repository.

  It ends in '-dirty' if code that affects a run has changed since. Results and
  pages do not count: a suite extends its tables while its next runs begin.
  """
  git = ['git', '-C', str(root)]
  describe = [*git, 'describe', '--always']
  difference = [*git, 'diff', '--quiet', 'HEAD', '--', '.', *_NO_RESULTS]
  try:
    described = subprocess.run(
      describe, capture_output=True, text=True, check=True, timeout=10
    )
    is_changed = subprocess.run(difference, check=False, timeout=10).returncode
  except (OSError, subprocess.SubprocessError):
    return ''  # No git, or no repository, as for an installed package.
  return described.stdout.strip() + ('-dirty' if is_changed else '')
