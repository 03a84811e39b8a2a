"""Training in one process: one thread, deterministic, with an exact ratio."""

from collections.abc import Callable, Mapping
import contextlib
import dataclasses
import math
import os
import time
from typing import Any, cast

from absl import logging
import dm_env
import jax
import numpy as np

from quinoa_acme.agents import agents
from quinoa_acme.agents.common import actors
from quinoa_acme.agents.common import off_policy
from quinoa_acme.data import adders
from quinoa_acme.data import replay as replay_lib
from quinoa_acme.data import samples
from quinoa_acme.environments import replayable
from quinoa_acme.runs import acting_loop
from quinoa_acme.runs import evaluation
from quinoa_acme.runs import experiment as experiment_lib
from quinoa_acme.runs.checkpoints import remains
from quinoa_acme.runs.checkpoints import run_state
from quinoa_acme.runs.watching import loggers
from quinoa_acme.runs.watching import memory
from quinoa_acme.runs.watching import progress as progress_lib
from quinoa_acme.runs.watching import services
from quinoa_acme.runs.watching import watchdog
from quinoa_acme.utils import core
from quinoa_acme.utils import counting
from quinoa_acme.utils import specs
from quinoa_acme.utils import timers

# Learner calls between two logged rows. Counted, not timed, so that two runs
# with one seed log the same rows.
_CALLS_BETWEEN_ROWS = 10
# Environment steps between two checks of progress and clock.
_STEPS_BETWEEN_LOOKS = 100


class LocalAgent(core.Actor):
  """An actor that runs the learner between its steps.

  After n inserts the learner has made `(n - min_replay_size) *
  samples_per_insert / batch_size` SGD steps, rounded down to whole calls. So
  the requested ratio is kept exactly, whatever its value.
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
      actor: acts, with parameters that it gets from the learner on `update`.
      learner: learns from the replay.
      replay: the replay that the actor adds to.
      config: the agent's options.
    """
    self._actor = actor
    self._learner = learner
    self._replay = replay
    self._config = config
    # The learner has already learned from the contents of a restored replay.
    self._calls = self._calls_due()

  def select_action(self, observation) -> np.ndarray:
    """Selects an action with the wrapped actor."""
    return self._actor.select_action(observation)

  def observe_first(self, timestep: dm_env.TimeStep) -> None:
    """Passes the first step of an episode to the actor."""
    self._actor.observe_first(timestep)

  def observe(self, action, next_timestep: dm_env.TimeStep) -> None:
    """Passes the result of an action to the actor."""
    self._actor.observe(action, next_timestep)

  def update(self, wait: bool = False) -> None:
    """Makes the learner calls that are due, and fetches the parameters."""
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
  """The parts of a local run."""

  environment: replayable.ReplayableEnvironment
  actor: actors.SaveableActor
  adder: adders.ReplayAdder
  learner: core.Learner
  replay: replay_lib.TransitionReplay
  counter: counting.Counter
  evaluator: evaluation.Evaluator
  ages: samples.SampleAges

  def state_like(self) -> dict[str, Any]:
    """The structure of a state of `save`, for `checkpointing`."""
    return {
      'learner': self.learner.save(),
      'replay': self.replay.state_like(),
      'actor': self.actor.save(),
      'environment': self.environment.state_like(),
    }

  def save(self) -> dict[str, Any]:
    """The state of all parts, taken between two environment steps."""
    return {
      'learner': self.learner.save(),
      'replay': self.replay.state(),
      'actor': self.actor.save(),
      'environment': self.environment.save(),
    }

  def restore(
    self, state: Mapping[str, Any], source: str
  ) -> list[dm_env.TimeStep]:
    """Restores a state of `save`; returns the episode in progress."""
    self.learner.restore(state['learner'])
    self.replay.set_state(state['replay'], source)
    self.actor.restore(state['actor'])
    self.actor.update(wait=True)
    episode = self.environment.restore(state['environment'])
    actions = state['environment'].actions
    num_actions = max(len(episode) - 1, 0)
    self.adder.resume(episode, actions[len(actions) - num_actions :])
    return episode


def _build(
  config: experiment_lib.ExperimentConfig,
  learner_logger: core.Logger,
) -> _Parts:
  # The actor must act with the parameters of the last learner call.
  agent_config = dataclasses.replace(config.agent, variable_update_period=1)
  environment = replayable.ReplayableEnvironment(
    config.make_environment, config.seed_of('actor_0')
  )
  spec = specs.make_environment_spec(environment)
  agent = agents.make_agent(agent_config)
  networks = agent.make_networks(spec)
  counter = _child(None)
  replay = replay_lib.TransitionReplay(
    spec,
    agent_config.max_replay_size,
    config.seed_of('replay'),
    agent_config.window,
  )
  ages = samples.SampleAges(replay.as_iterator(agent_config.samples_per_step))
  builder = agent.make_builder(
    spec, lambda: samples.AgeLogger(learner_logger, ages)
  )
  learner = builder.make_learner(
    jax.random.PRNGKey(config.seed_of('learner')),
    networks,
    ages,
    counter=_child(counter, 'learner'),
  )
  adder = adders.make_adder(
    replay,
    agent_config.transition_steps,
    agent_config.window,
    agent_config.discount,
  )
  actor = builder.make_actor(
    jax.random.PRNGKey(config.seed_of('actor_0')),
    agent.make_policy(networks),
    adder,
    learner,
  )
  return _Parts(
    environment=environment,
    actor=cast(actors.SaveableActor, actor),
    adder=adder,
    learner=learner,
    replay=replay,
    counter=counter,
    evaluator=evaluation.Evaluator(config, spec, learner),
    ages=ages,
  )


def _child(
  parent: counting.AnyCounter | None, name: str = ''
) -> counting.Counter:
  """A counter that passes each count to its parent at once, at any clock.

  With an interval of 0, counts would be missing whenever the clock stands still
  or goes back, and the rows of two runs would differ.
  """
  return counting.Counter(parent, name, time_delta=-math.inf)


def run(
  config: experiment_lib.ExperimentConfig,
  should_stop: Callable[[], bool] = acting_loop.never,
) -> progress_lib.Status:
  """Trains to the end, or until `should_stop`, with evaluations.

  If a run was stopped or killed, another call resumes it from its last
  checkpoint. It ends with the same parameters and rows, bit for bit, as an
  uninterrupted run.

  Args:
    config: the run.
    should_stop: asked before every environment step. When it returns true, the
      run saves its state and returns.

  Returns:
    The run's final status. An environment that hangs ends the process.

  Raises:
    ValueError: if the run needs a distributed program.
    checkpointing.CheckpointError: if the workdir has checkpoints, but they are
      all damaged or belong to another run.
  """
  experiment_lib.check_one_process(config)
  watch = watchdog.Watch('the run', config.environment_timeout)
  watched = dataclasses.replace(
    config, environment_factory=watch.over(config.environment_factory)
  )
  with watch.ending_the_process(), contextlib.ExitStack() as logs:
    return _Run(watched, logs).run(should_stop)


class _Run:
  """A run in progress: its parts, and its status."""

  def __init__(
    self,
    config: experiment_lib.ExperimentConfig,
    logs: contextlib.ExitStack,
  ):
    """Builds the parts, and restores what an earlier run saved.

    Args:
      config: the run.
      logs: closes the logs that the run opens, even if this fails.
    """
    self._config = config
    self._logs = logs
    saved = run_state.SavedRun(config.workdir)
    remains.check_run(config.workdir)
    for text in remains.describe_lost_logs(
      config.workdir,
      ['learner', 'evaluator', 'actor_0'],
      int(saved.counts.get('actor_steps', 0)),
      saved.last_evaluation,
    ):
      logging.warning('%s', text)
    self._last_evaluation = saved.last_evaluation
    counts = saved.counts
    learner_logger = self._open('learner', 'learner_steps', counts)
    actor_logger = self._open('actor_0', 'actor_steps', counts)
    self._logger = self._open(
      'evaluator', 'actor_steps', {'actor_steps': saved.last_evaluation}
    )
    learner_logger = loggers.AtMultiples(
      learner_logger,
      'learner_steps',
      _CALLS_BETWEEN_ROWS * config.agent.num_sgd_steps_per_step,
    )
    self._parts = parts = _build(config, learner_logger)
    state = saved.restore(parts.state_like())
    episode = parts.restore(state, config.workdir) if state else []
    parts.counter.increment(**{'training_seconds': 0.0, **saved.counts})
    self._loop = acting_loop.ActingLoop(
      parts.environment,
      LocalAgent(parts.actor, parts.learner, parts.replay, config.agent),
      _child(parts.counter, 'actor'),
      actor_logger,
      # The learner's rows name their step.
      steps_between_counts=1,
    )
    self._loop.resume(episode)
    if not state:
      # From now on, a missing checkpoint means that it was lost.
      self._save()
    self._status = _status(parts.counter, progress_lib.Status())
    self._memory_log = logs.enter_context(
      contextlib.closing(
        memory.MemoryLog(
          config.workdir,
          lambda: {'run': os.getpid()},
          last_step=self._status.actor_steps,
          action_repeat=config.action_repeat,
          tensorboard=services.TENSORBOARD in config.loggers,
        )
      )
    )

  def run(self, should_stop: Callable[[], bool]) -> progress_lib.Status:
    """Trains, saves, and makes the last evaluation."""
    config = self._config
    self._train(should_stop)
    finished = self._status.actor_steps >= config.num_steps
    # Before the last evaluation: a resumed run repeats that one if it is on
    # the grid, and otherwise has no row of it.
    self._save()
    if self._last_evaluation != self._status.actor_steps:
      # A stopped run makes a short last evaluation.
      num_episodes = config.evaluation_episodes if finished else 1
      self._evaluate(num_episodes, acting_loop.never)
    # A run with nothing left to do has made none.
    status = evaluation.with_last(config.workdir, self._status)
    return dataclasses.replace(status, finished=finished)

  def _train(self, should_stop: Callable[[], bool]) -> None:
    config = self._config
    progress = progress_lib.Progress(
      config.num_steps, action_repeat=config.action_repeat
    )
    until_save = timers.Timer(config.checkpoint_every)
    while self._status.actor_steps < config.num_steps and not should_stop():
      self._evaluate_if_due(should_stop)
      self._make_steps(should_stop)
      progress.show(self._memory_log.add_to(self._status))
      if until_save.is_over():
        self._save()
        until_save.restart()
    progress.close()

  def _make_steps(self, should_stop: Callable[[], bool]):
    steps = self._status.actor_steps
    num_steps = min(
      _STEPS_BETWEEN_LOOKS,
      self._config.eval_every - steps % self._config.eval_every,
      self._config.num_steps - steps,
    )
    counter = self._parts.counter
    started = time.monotonic()
    self._loop.run_steps(num_steps, should_stop)
    counter.increment(training_seconds=time.monotonic() - started)
    status = _status(counter, self._status, self._loop.last_return)
    self._status = dataclasses.replace(status, sample_age=self._parts.ages.last)

  def _evaluate_if_due(self, should_stop: Callable[[], bool]) -> None:
    steps = self._status.actor_steps
    config = self._config
    if not evaluation.is_due(self._last_evaluation, steps, config.eval_every):
      return
    if self._evaluate(config.evaluation_episodes, should_stop):
      self._last_evaluation = steps

  def _evaluate(self, num_episodes: int, stop: Callable[[], bool]) -> bool:
    """Evaluates; returns whether it finished. Only then is there a row."""
    evaluator = self._parts.evaluator
    evaluator.take_parameters()
    episodes = evaluator.run(self._status.actor_steps, num_episodes, stop)
    if len(episodes) < num_episodes:
      return False
    row = evaluation.summarise(episodes, self._config.agent.discount)
    counts = self._parts.counter.get_counts()
    self._logger.write({'actor_steps': 0, 'learner_steps': 0, **counts, **row})
    self._status = dataclasses.replace(
      self._status,
      evaluation_return=row['episode_return'],
      evaluation_return_std=row['episode_return_std'],
      warning=evaluation.look_for_warnings(self._config),
    )
    return True

  def _save(self) -> None:
    run_state.save_run(
      self._config.workdir,
      self._parts.save(),
      self._parts.counter.get_counts(),
      self._last_evaluation,
    )

  def _open(
    self, label: str, steps_key: str, counts: Mapping[str, float]
  ) -> core.Logger:
    """Opens a part's log, which resumes after the step in `counts`."""
    logger = loggers.make_logger(
      self._config.workdir,
      label,
      steps_key=steps_key,
      last_step=counts.get(steps_key, 0),
      action_repeat=self._config.action_repeat,
      tensorboard=services.TENSORBOARD in self._config.loggers,
    )
    return self._logs.enter_context(contextlib.closing(logger))


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
