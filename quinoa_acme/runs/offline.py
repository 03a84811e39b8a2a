"""Learning from a fixed set of transitions, and recording one.

A data set is a file of `TransitionReplay.save`, plain arrays, or a folder in
Minari's format (`data.minari_files`).
"""

from collections.abc import Callable, Iterator
import dataclasses
import os
import pathlib
from typing import Any, NamedTuple

from absl import logging
import jax
import jax.numpy as jnp
import optax

from quinoa_acme.agents import quinoa
from quinoa_acme.agents.common import off_policy
from quinoa_acme.data import adders
from quinoa_acme.data import minari_files
from quinoa_acme.data import replay as replay_lib
from quinoa_acme.environments import action_repeat
from quinoa_acme.environments import checked
from quinoa_acme.runs import acting_loop
from quinoa_acme.runs import evaluation
from quinoa_acme.runs import evaluation_limits
from quinoa_acme.runs import experiment as experiment_lib
from quinoa_acme.runs import trained
from quinoa_acme.utils import core
from quinoa_acme.utils import extras
from quinoa_acme.utils import specs
from quinoa_acme.utils import validation

# How a data set may be recorded.
FORMATS = ('npz', 'minari')
# Room in the file to finish the last episode.
_LONGEST_EPISODE = 100_000


class Parts(NamedTuple):
  """A learner from a data set, and the policy that it gives."""

  learner: core.Learner
  evaluator: core.Actor


def record(
  run: experiment_lib.ExperimentConfig,
  num_transitions: int,
  path: str | os.PathLike[str],
  format: str = 'npz',
) -> dict[str, float]:
  """Records whole episodes of a run's policy, with sampled actions.

  Args:
    run: the run; its last checkpoint gives the policy.
    num_transitions: record at least this many transitions, then finish the
      current episode.
    path: the file, or for 'minari' the folder, a new one.
    format: one of `FORMATS`: 'npz', or 'minari', which needs the extra of that
      name and keeps which episodes a time limit ended.

  Returns:
    Statistics of the episodes, as in `evaluation.summarise`.

  Raises:
    FileNotFoundError: if the run has no checkpoint.
    OSError: if the path cannot be written.
    ValueError: if an episode is too long to record, or the format is unknown,
      not installed, or has no place for the environment's values.
  """
  if format not in FORMATS:
    raise ValueError(
      f'format={format!r}: expected one of {", ".join(FORMATS)}.'
    )
  # Before the episodes are recorded, not after.
  path = pathlib.Path(path).expanduser()
  path.parent.mkdir(parents=True, exist_ok=True)
  parts = trained.restore(run, 'recorder')
  capacity = num_transitions + _LONGEST_EPISODE
  if format == 'minari':
    recorded = recorder = minari_files.Recorder(path, parts.spec)
  else:
    recorded = replay_lib.TransitionReplay(parts.spec, capacity, run.seed)
    recorder = adders.ReplayAdder(recorded)
  actor = parts.builder.make_actor(
    jax.random.PRNGKey(run.seed_of('recorder')),
    parts.agent.make_policy(parts.networks),
    recorder,
    parts.learner,
  )
  loop = acting_loop.ActingLoop(parts.environment, actor, should_update=False)
  episodes = []
  while recorded.num_inserted < num_transitions:
    episodes += loop.run_episodes(1, lambda: recorded.num_inserted > capacity)
  if recorded.num_inserted > capacity:
    raise ValueError(
      f'An episode of {run.env_name} took more than {_LONGEST_EPISODE:,} '
      'steps, which is the most that fit. Record a task with shorter '
      'episodes.'
    )
  row = evaluation.summarise(episodes, run.agent.discount)
  if isinstance(recorded, minari_files.Recorder):
    recorded.save(
      run.action_repeat,
      description=f'{run.env_name}: {row["evaluation_episodes"]} episodes '
      f'with a mean return of {row["episode_return"]:.1f}, by sampled actions.',
      algorithm_name=type(run.agent).__name__.removesuffix('Config'),
    )
  else:
    recorded.save(path, run.action_repeat)
  return row


@dataclasses.dataclass(frozen=True)
class OfflineConfig:
  """A run on a fixed data set.

  Attributes:
    agent: the options; of those for replay and its ratio, only `batch_size` and
      `num_sgd_steps_per_step` are used.
    data: the file of transitions, or `minari:` and a data set's id or folder.
    environment_factory: makes an environment to evaluate in.
    action_repeat: frames of that environment in a step, as in the data.
    num_learner_steps: SGD steps.
    eval_every: SGD steps between evaluations.
    evaluation_episodes: episodes per evaluation.
    seed: for everything random.
  """

  agent: quinoa.QuinoaConfig
  data: str
  environment_factory: experiment_lib.EnvironmentFactory
  action_repeat: int = 1
  num_learner_steps: int = 30_000
  eval_every: int = 10_000
  evaluation_episodes: int = 10
  seed: int = 0

  def __post_init__(self):
    validation.make_plain(self)
    object.__setattr__(self, 'data', os.path.expanduser(os.fspath(self.data)))
    validation.check_whole(
      self, 'num_learner_steps', 'eval_every', 'evaluation_episodes'
    )
    action_repeat.check(self.action_repeat)
    if self.agent.window > 1:
      raise ValueError(
        f'returns={self.agent.returns} needs the intermediate steps, but the '
        'data are one-step transitions: use returns=OneStep().'
      )


MakeParts = Callable[
  [OfflineConfig, specs.EnvironmentSpec, Iterator[Any]], Parts
]


def make_quinoa(
  config: OfflineConfig,
  spec: specs.EnvironmentSpec,
  data: Iterator[Any],
) -> Parts:
  """Quinoa's learner, as online, and its evaluation policy."""
  agent = quinoa.QuinoaAgent(config.agent)
  networks = agent.make_networks(spec)
  builder = agent.make_builder(spec)
  learner = builder.make_learner(
    jax.random.PRNGKey(config.seed), networks, data
  )
  return Parts(
    learner,
    _make_evaluator(
      builder,
      config,
      agent.make_evaluation_policy(networks),
      evaluation.serve_evaluated(agent.saved_policy(networks), learner),
    ),
  )


def make_behaviour_cloning(
  config: OfflineConfig,
  spec: specs.EnvironmentSpec,
  data: Iterator[Any],
) -> Parts:
  """Acme's behaviour cloning: the same policy, by maximum likelihood."""
  # Only here, because Acme imports Reverb, which takes seconds.
  with extras.needed_for('Behaviour cloning'):
    from acme.agents.jax import bc
    from acme.jax import networks as networks_lib

  agent = quinoa.QuinoaAgent(config.agent)
  networks = agent.make_networks(spec)
  policy = networks.policy
  # On the same scale as the tilts.
  temperature = jnp.ones(())

  def variables(params):
    return quinoa.PolicyVariables(params, temperature)

  def init(key):
    return policy.init(
      key, networks.example_observation, jnp.asarray(networks.example_action)
    )

  def apply(params, observation, is_training, key):
    del is_training, key
    return params, observation

  def log_prob(outputs, action):
    params, observation = outputs
    return policy.log_prob(variables(params), observation, action)

  learner = bc.BCLearner(
    networks_lib.FeedForwardNetwork(init, apply),
    jax.random.PRNGKey(config.seed),
    bc.logp(log_prob),
    optax.adam(config.agent.learning_rate),
    (sample.data for sample in data),
    config.agent.num_sgd_steps_per_step,
    logger=core.NoOpLogger(),
  )
  act = agent.make_evaluation_policy(networks)
  return Parts(
    learner,
    _make_evaluator(
      agent.make_builder(spec),
      config,
      lambda params, key, observation: act(variables(params), key, observation),
      learner,
    ),
  )


def _make_evaluator(
  builder: off_policy.Builder,
  config: OfflineConfig,
  policy: Any,
  source: core.VariableSource,
) -> core.Actor:
  return builder.make_actor(
    jax.random.PRNGKey(config.seed + 1), policy, variable_source=source
  )


# The algorithms that can learn from a data set, by name.
ALGORITHMS: dict[str, MakeParts] = {
  'quinoa': make_quinoa,
  'bc': make_behaviour_cloning,
}


def _warn_once(text: str) -> None:
  logging.log_first_n(logging.WARNING, '%s', 1, text)


def train(
  config: OfflineConfig, algorithm: str
) -> Iterator[tuple[int, dict[str, float]]]:
  """Learns from a data set.

  Args:
    config: the run.
    algorithm: a key of `ALGORITHMS`.

  Yields:
    After each evaluation, the number of SGD steps and the statistics of
    `evaluation.summarise`.

  Raises:
    FileNotFoundError: if there are no such data.
    ValueError: if the data cannot be read, are from another task, or are of
      another action repeat.
  """
  agent = config.agent
  is_minari = minari_files.is_name(config.data)
  recorded = (
    minari_files.read_action_repeat(config.data)
    if is_minari
    else replay_lib.read_action_repeat(config.data)
  )
  if recorded != config.action_repeat:
    raise ValueError(
      f'{config.data} was recorded at action repeat {recorded}, but the policy '
      f'is to be evaluated at {config.action_repeat}. Give '
      f'--action_repeat={recorded}, in Python action_repeat={recorded}.'
    )
  environment = checked.wrap(
    action_repeat.repeat_actions(
      config.environment_factory(config.seed), config.action_repeat
    )
  )
  spec = specs.make_environment_spec(environment)
  load = minari_files.load if is_minari else replay_lib.TransitionReplay.load
  replay = load(config.data, spec, config.seed)
  learner, evaluator = ALGORITHMS[algorithm](
    config, spec, replay.as_iterator(agent.samples_per_step)
  )
  loop = acting_loop.ActingLoop(environment, evaluator, should_update=False)

  def is_over(num_steps: int) -> bool:
    limit = evaluation_limits.TruncateAfter()
    return evaluation_limits.is_over(
      limit, num_steps, _warn_once, config.action_repeat
    )

  steps = 0
  while steps < config.num_learner_steps:
    until = min(steps + config.eval_every, config.num_learner_steps)
    while steps < until:
      learner.step()
      steps += agent.num_sgd_steps_per_step
    evaluator.update(wait=True)
    episodes = loop.run_episodes(config.evaluation_episodes, is_over=is_over)
    yield steps, evaluation.summarise(episodes, agent.discount)
