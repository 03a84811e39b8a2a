"""The program's learner: it learns and serves parameters."""

from collections.abc import Callable
import contextlib
from typing import Any

from absl import logging
import jax
import launchpad as lp

from quinoa_acme.data import samples
from quinoa_acme.runs import experiment as experiment_lib
from quinoa_acme.runs.checkpoints import run_state
from quinoa_acme.runs.distributed import coordinator as coordinator_lib
from quinoa_acme.runs.distributed import failures
from quinoa_acme.runs.distributed import node as node_lib
from quinoa_acme.runs.distributed import replay_server
from quinoa_acme.utils import counting
from quinoa_acme.utils import timers

# Seconds between two exchanges of counts with the counter. The actors' steps in
# the learner's rows are out of date by this much.
_SECONDS_BETWEEN_COUNTS = 0.25
# Seconds between two of the learner's reports for the progress line.
_REPORT_SECONDS = 1.0
# Seconds after a signal for the current step and the last checkpoints; less
# than a node has until Launchpad kills it.
_SECONDS_TO_SAVE = 20.0


class LearnerNode:
  """Learns, and serves parameters to actors and evaluator."""

  def __init__(
    self,
    config: experiment_lib.ExperimentConfig,
    replay: replay_server.Replay,
    coordinator: coordinator_lib.Coordinator,
  ):
    """Makes the learner and restores its last checkpoint.

    Args:
      config: the run.
      replay: the replay to sample from; it is closed when the learner is done.
      coordinator: a Courier client of the counter node.
    """
    self._config = config
    self._replay = replay
    # The learner must not wait for its answers: they are worth less.
    self._coordinator = node_lib.make_leavable(
      coordinator, lp.stop_event().is_set
    )
    with node_lib.leaving_at_once():
      node_lib.wait_for_begin(coordinator)
      self._make_learner()

  def _make_learner(self) -> None:
    config = self._config
    self._logger = node_lib.make_logger(
      config,
      'learner',
      last_step=run_state.learner_steps(config.workdir),
      prints=node_lib.runs_in_own_process(),
      steps_key='learner_steps',
      seconds=1.0,
    )
    agent = config.make_agent()
    spec = config.make_spec()
    builder = agent.make_builder(
      spec, lambda: samples.AgeLogger(self._logger, self._ages)
    )
    self._dataset = samples.StoppableIterator(
      lambda: builder.make_dataset_iterator(self._replay.client)
    )
    self._ages = samples.SampleAges(self._dataset)
    self._counter = counting.Counter(
      self._coordinator, 'learner', time_delta=_SECONDS_BETWEEN_COUNTS
    )
    self._learner = builder.make_learner(
      jax.random.PRNGKey(config.seed_of('learner')),
      agent.make_networks(spec),
      self._ages,
      counter=self._counter,
    )
    if not run_state.restore_learner(config.workdir, self._learner):
      # From now on, a missing checkpoint means that it was lost.
      run_state.save_learner(config.workdir, self._learner)

  def get_variables(self, names: list[str]) -> list[Any]:
    """Serves the learner's parameters, as NumPy arrays."""
    return jax.device_get(self._learner.get_variables(names))

  def run(self) -> None:
    """The node's main loop."""
    node_lib.Body(
      'learner',
      self._config.workdir,
      self._learn_and_save_replay,
      self._replay.check,
      seconds_to_save=_SECONDS_TO_SAVE,
    ).run_until_stop()

  def _learn_and_save_replay(self, stopping: Callable[[], bool]) -> None:
    with contextlib.closing(self._replay):
      self._learn(stopping)

  def _learn(self, stopping: Callable[[], bool]) -> None:
    # After the actors: one that waits at the replay's limiter continues only
    # if the learner takes samples.
    finishing = node_lib.Polled(self._coordinator.are_actors_done)
    self._dataset.stop_when(lambda: stopping() or finishing())
    until_report = timers.Timer(_REPORT_SECONDS)
    until_save = timers.Timer(self._config.checkpoint_every)
    while True:
      try:
        self._learner.step()
        if until_report.is_over():
          self._coordinator.report({'sample_age': self._ages.last})
          until_report.restart()
      except StopIteration:
        break
      except Exception as error:
        if not node_lib.stops_soon(stopping):
          raise
        # The nodes stop in any order, so the counter may be gone in the middle
        # of a step. What the learner has learned is saved regardless.
        logging.info('The last step of the learner failed: %r', error)
        break
      if until_save.is_over():
        run_state.save_learner(self._config.workdir, self._learner)
        until_save.restart()
    # A failure to save is reported, even while the program stops.
    with failures.reporting(self._config.workdir, 'learner'):
      run_state.save_learner(self._config.workdir, self._learner)
      self._logger.close()
    if stopping():
      return
    if not finishing():
      raise RuntimeError('Replay gave no more data before the end of the run.')
      # Report the last step too, so that all counts agree.
    self._counter.restore(self._counter.save())
    self._counter.get_counts()
    self._coordinator.report_done('learner')
