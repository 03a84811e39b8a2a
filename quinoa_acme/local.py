"""Training in one process: one thread, deterministic, an exact ratio."""

from collections.abc import Callable
import dataclasses
import time

from acme import core
from acme import specs
from acme.utils import counting
from acme.utils.loggers import base as loggers_base
import dm_env
import jax
import numpy as np

from quinoa_acme import acting_loop
from quinoa_acme import evaluation
from quinoa_acme import experiment as experiment_lib
from quinoa_acme import loggers
from quinoa_acme import progress as progress_lib
from quinoa_acme import replay as replay_lib
from quinoa_acme import run_state
from quinoa_acme.agents import agents
from quinoa_acme.agents import off_policy

# Learner calls between two logged rows. Counted, not timed: the rows of two
# runs with one seed must be the same ones.
_CALLS_BETWEEN_ROWS = 10
# Environment steps between two looks at the progress and at the clock.
_STEPS_BETWEEN_LOOKS = 100


class LocalAgent(core.Actor):
  """An actor that runs the learner between its steps.

  After n inserts the learner has made `(n - min_replay_size) *
  samples_per_insert / batch_size` SGD steps, rounded down to whole calls: the
  ratio asked for is kept exactly, however odd it is.
  """

  def __init__(
    self,
    actor: core.Actor,
    learner: core.Learner,
    replay: replay_lib.TransitionReplay,
    config: off_policy.OffPolicyConfig,
  ):
    """Makes the agent.

    Args:
      actor: acts, with parameters that it takes from the learner on `update`.
      learner: learns from the replay.
      replay: what the actor adds to.
      config: the agent's options.
    """
    self._actor = actor
    self._learner = learner
    self._replay = replay
    self._config = config
    # A replay that was restored has been learnt from already.
    self._calls = self._calls_due()

  def select_action(self, observation) -> np.ndarray:
    """Acts by the wrapped actor."""
    return self._actor.select_action(observation)

  def observe_first(self, timestep: dm_env.TimeStep) -> None:
    """Shows the actor the first step of an episode."""
    self._actor.observe_first(timestep)

  def observe(self, action, next_timestep: dm_env.TimeStep) -> None:
    """Shows the actor what its action led to."""
    self._actor.observe(action, next_timestep)

  def update(self, wait: bool = False) -> None:
    """Makes the learner calls that are due, and takes their parameters."""
    del wait
    calls = self._calls_due()
    if calls == self._calls:
      return
    while self._calls < calls:
      self._learner.step()
      self._calls += 1
    self._actor.update(wait=True)

  def _calls_due(self) -> int:
    config = self._config
    inserts = self._replay.num_inserted - config.min_replay_size
    samples = max(inserts, 0) * config.samples_per_insert
    return int(samples // config.samples_per_step)


@dataclasses.dataclass
class _Parts:
  """What a local run holds."""

  loop: acting_loop.ActingLoop
  learner: core.Learner
  replay: replay_lib.TransitionReplay
  counter: counting.Counter
  evaluate: Callable[[int, Callable[[], bool]], list[np.ndarray]]
  loggers: list[loggers_base.Logger]

  def close(self) -> None:
    for logger in self.loggers:
      logger.close()


def _build(config: experiment_lib.ExperimentConfig) -> _Parts:
  # The actor must act with the parameters of the last learner call.
  agent_config = dataclasses.replace(config.agent, variable_update_period=1)
  environment = config.environment_factory(config.seed_of('actor_0'))
  spec = specs.make_environment_spec(environment)
  agent = agents.make_agent(agent_config)
  networks = agent.make_networks(spec)
  counter = counting.Counter(time_delta=0.0)
  learner_logger = loggers.EveryNth(
    loggers.make_logger(config.workdir, 'learner', steps_key='learner_steps'),
    _CALLS_BETWEEN_ROWS,
  )
  actor_logger = loggers.make_logger(
    config.workdir, 'actor_0', steps_key='actor_steps'
  )
  builder = agent.make_builder(spec, lambda: learner_logger)
  replay = replay_lib.TransitionReplay(
    spec, agent_config.max_replay_size, config.seed_of('replay')
  )
  run_state.restore_replay(config.workdir, replay)
  learner = builder.make_learner(
    jax.random.PRNGKey(config.seed_of('learner')),
    networks,
    replay.as_iterator(agent_config.samples_per_step),
    counter=counting.Counter(counter, 'learner', time_delta=0.0),
  )
  actor = builder.make_actor(
    jax.random.PRNGKey(config.seed_of('actor_0')),
    agent.make_policy(networks),
    replay_lib.ReplayAdder(replay),
    learner,
  )
  evaluator = builder.make_actor(
    jax.random.PRNGKey(config.seed_of('evaluator')),
    agent.make_evaluation_policy(networks),
    variable_source=learner,
  )
  evaluation_loop = acting_loop.ActingLoop(
    config.environment_factory(config.seed_of('evaluator')),
    evaluator,
    should_update=False,
  )

  def evaluate(num_episodes: int, should_stop: Callable[[], bool]):
    evaluator.update(wait=True)
    return evaluation_loop.run_episodes(num_episodes, should_stop)

  return _Parts(
    loop=acting_loop.ActingLoop(
      environment,
      LocalAgent(actor, learner, replay, agent_config),
      counting.Counter(counter, 'actor', time_delta=0.0),
      actor_logger,
    ),
    learner=learner,
    replay=replay,
    counter=counter,
    evaluate=evaluate,
    loggers=[learner_logger, actor_logger],
  )


def run(
  config: experiment_lib.ExperimentConfig,
  should_stop: Callable[[], bool] = acting_loop.never,
) -> progress_lib.Status:
  """Trains to the end, or until `should_stop`, and evaluates on the way.

  Args:
    config: the run.
    should_stop: asked before every environment step. When it turns true the
      run saves its state and returns.

  Returns:
    The run's status at its end.
  """
  return _Run(config).run(should_stop)


class _Run:
  """A run under way: its parts, and its status."""

  def __init__(self, config: experiment_lib.ExperimentConfig):
    """Builds the parts, and restores what an earlier run saved of them."""
    self._config = config
    self._parts = _build(config)
    run_state.restore_learner(config.workdir, self._parts.learner)
    self._parts.counter.restore(
      {'counts': run_state.restore_counts(config.workdir), 'cache': {}}
    )
    self._logger = loggers.make_logger(
      config.workdir, 'evaluator', steps_key='actor_steps'
    )
    self._status = _status(self._parts.counter, progress_lib.Status())

  def run(self, should_stop: Callable[[], bool]) -> progress_lib.Status:
    """Trains, saves, makes the last evaluation and closes the loggers."""
    config = self._config
    self._train(should_stop)
    finished = self._status.actor_steps >= config.num_steps
    self._save()
    # A run that was stopped makes its last evaluation in short.
    num_episodes = config.evaluation_episodes if finished else 1
    self._evaluate(num_episodes, acting_loop.never)
    self._parts.close()
    self._logger.close()
    return dataclasses.replace(self._status, finished=finished)

  def _train(self, should_stop: Callable[[], bool]) -> None:
    config = self._config
    progress = progress_lib.Progress(config.num_steps)
    last_save = time.monotonic()
    # On the grid of the evaluations, for a run that goes on too.
    next_evaluation = (
      -(-self._status.actor_steps // config.eval_every) * config.eval_every
    )
    while self._status.actor_steps < config.num_steps and not should_stop():
      if self._status.actor_steps >= next_evaluation:
        self._evaluate(config.evaluation_episodes, should_stop)
        next_evaluation += config.eval_every
      until = min(
        self._status.actor_steps + _STEPS_BETWEEN_LOOKS,
        next_evaluation,
        config.num_steps,
      )
      self._make_steps(until - self._status.actor_steps, should_stop)
      progress.show(self._status)
      if time.monotonic() - last_save > config.checkpoint_every:
        self._save()
        last_save = time.monotonic()
    progress.close()

  def _make_steps(self, num_steps: int, should_stop: Callable[[], bool]):
    parts = self._parts
    started = time.monotonic()
    parts.loop.run_steps(num_steps, should_stop)
    parts.counter.increment(training_seconds=time.monotonic() - started)
    self._status = _status(parts.counter, self._status, parts.loop.last_return)

  def _evaluate(self, num_episodes: int, stop: Callable[[], bool]) -> None:
    episodes = self._parts.evaluate(num_episodes, stop)
    if not episodes:
      return
    row = evaluation.summarise(episodes, self._config.agent.discount)
    counts = self._parts.counter.get_counts()
    self._logger.write({'actor_steps': 0, 'learner_steps': 0, **counts, **row})
    self._status = dataclasses.replace(
      _status(self._parts.counter, self._status),
      evaluation_return=row['episode_return'],
      evaluation_return_std=row['episode_return_std'],
    )

  def _save(self) -> None:
    run_state.save_learner(self._config.workdir, self._parts.learner)
    run_state.save_replay(self._config.workdir, self._parts.replay)
    run_state.save_counts(
      self._config.workdir, self._parts.counter.get_counts()
    )


def _status(
  counter: counting.Counter,
  before: progress_lib.Status,
  training_return: float | None = None,
) -> progress_lib.Status:
  counts = counter.get_counts()
  return dataclasses.replace(
    before,
    actor_steps=int(counts.get('actor_steps', 0)),
    learner_steps=int(counts.get('learner_steps', 0)),
    training_return=(
      before.training_return if training_return is None else training_return
    ),
  )
