"""Learning from a fixed set of transitions, and recording one.

A data set is a file of `TransitionReplay.save`: plain arrays.
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
) -> dict[str, float]:
  """Records whole episodes of a run's policy, with sampled actions.

  Args:
    run: the run; its last checkpoint gives the policy.
    num_transitions: record at least this many transitions, then finish the
      current episode.
    path: the file.

  Returns:
    Statistics of the episodes, as in `evaluation.summarise`.

  Raises:
    FileNotFoundError: if the run has no checkpoint.
    OSError: if the file's folder cannot be made.
    ValueError: if an episode is too long to record.
  """
  # Before the episodes are recorded, not after.
  path = pathlib.Path(path).expanduser()
  path.parent.mkdir(parents=True, exist_ok=True)
  parts = trained.restore(run, 'recorder')
  capacity = num_transitions + _LONGEST_EPISODE
  replay = replay_lib.TransitionReplay(parts.spec, capacity, run.seed)
  actor = parts.builder.make_actor(
    jax.random.PRNGKey(run.seed_of('recorder')),
    parts.agent.make_policy(parts.networks),
    adders.ReplayAdder(replay),
    parts.learner,
  )
  loop = acting_loop.ActingLoop(parts.environment, actor, should_update=False)
  episodes = []
  while len(replay) < num_transitions:
    episodes += loop.run_episodes(1, lambda: replay.num_inserted > capacity)
  if replay.num_inserted > capacity:
    raise ValueError(
      f'An episode of {run.env_name} took more than {_LONGEST_EPISODE:,} '
      'steps, which is the most that fit. Record a task with shorter '
      'episodes.'
    )
  replay.save(path, run.action_repeat)
  return evaluation.summarise(episodes, run.agent.discount)


@dataclasses.dataclass(frozen=True)
class OfflineConfig:
  """A run on a fixed data set.

  Attributes:
    agent: the options; of those for replay and its ratio, only `batch_size` and
      `num_sgd_steps_per_step` are used.
    data: the file of transitions.
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
    ValueError: if the data are from another task, or of another action repeat.
  """
  agent = config.agent
  recorded = replay_lib.read_action_repeat(config.data)
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
  replay = replay_lib.TransitionReplay.load(config.data, spec, config.seed)
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
