"""The program's evaluator: paced by the actors' steps, never busy-waiting."""

from collections.abc import Callable, Mapping, Sequence
import dataclasses
import functools
import time
from typing import Any

from absl import logging
import numpy as np

from quinoa_acme.runs import evaluation
from quinoa_acme.runs import experiment as experiment_lib
from quinoa_acme.runs.checkpoints import run_folder
from quinoa_acme.runs.checkpoints import run_state
from quinoa_acme.runs.distributed import coordinator as coordinator_lib
from quinoa_acme.runs.distributed import failures
from quinoa_acme.runs.distributed import learner_node
from quinoa_acme.runs.distributed import node as node_lib
from quinoa_acme.runs.distributed import notices
from quinoa_acme.runs.watching import watchdog
from quinoa_acme.utils import core
from quinoa_acme.utils import resources

# Seconds for the last evaluation after a signal. Before it the learner may take
# as long again to save the parameters to evaluate.
_SHORT_EVALUATION_SECONDS = 4.0
_SECONDS_TO_SAVE = 4.0
# The evaluator may hear of the stop this much later than the learner.
_SECONDS_BEHIND = 2 * node_lib.POLL_SECONDS
_POLL_SECONDS = 0.05


def run_evaluator(
  config: experiment_lib.ExperimentConfig,
  learner: learner_node.LearnerNode,
  coordinator: coordinator_lib.Coordinator,
) -> None:
  """The evaluator's node: paced by the actors' steps, never busy-waiting."""
  resources.end_with_launcher()
  node_lib.wait_for_begin(coordinator)
  watch = watchdog.Watch('evaluator', config.environment_timeout)
  prints = node_lib.runs_in_own_process()

  def evaluate_run(stopping: Callable[[], bool]) -> None:
    watched = dataclasses.replace(
      config, environment_factory=watch.over(config.environment_factory)
    )
    _Evaluations(watched, learner, coordinator, prints, stopping).run()

  node_lib.Body(
    'evaluator',
    config.workdir,
    evaluate_run,
    watch.check,
    grace_seconds=_SECONDS_TO_SAVE + _SHORT_EVALUATION_SECONDS + 1.0,
  ).run_until_stop()


class _Source(core.VariableSource):
  """Serves the learner's parameters, or those of a given checkpoint."""

  def __init__(self, learner: core.VariableSource):
    self._learner = learner
    self._saved: Any = None

  def get_variables(self, names: Sequence[str]) -> list[Any]:
    """Returns the policy's parameters, which an evaluation uses."""
    if self._saved is None:
      return self._learner.get_variables(names)
    return [self._saved for _ in names]

  def keep_to(self, params: Any) -> None:
    """Serves these parameters from now on."""
    self._saved = params


class _Evaluations:
  """The evaluator's work: evaluations on the grid, and a last one."""

  def __init__(
    self,
    config: experiment_lib.ExperimentConfig,
    learner: learner_node.LearnerNode,
    coordinator: coordinator_lib.Coordinator,
    prints: bool,
    stopping: Callable[[], bool],
  ):
    self._config = config
    self._stopping = stopping
    # Either may be gone before the evaluator hears of the stop.
    self._coordinator = node_lib.make_leavable(coordinator, stopping)
    self._source = _Source(
      node_lib.as_variable_source(node_lib.make_leavable(learner, stopping))
    )
    self._last_evaluation = run_state.last_evaluation(config.workdir)
    self._has_short_evaluation = False
    self._logger = node_lib.make_logger(
      config, 'evaluator', self._last_evaluation, prints
    )
    self._spec = config.make_spec()
    self._evaluator = evaluation.Evaluator(
      config,
      self._spec,
      self._source,
      # Launchpad knows only the node's main thread, and this is another.
      functools.partial(notices.tell, config.workdir, is_read=prints),
    )

  def run(self) -> None:
    """Evaluates until the run ends or the program stops."""
    try:
      self._run_until_stop()
    except Exception as error:
      # Its peers leave first, perhaps in the middle of a call.
      if not node_lib.stops_soon(self._stopping):
        raise
      logging.info('The evaluator was stopped at: %r', error)
    if self._stopping() and not self._has_short_evaluation:
      self._evaluate_in_short()
    self._logger.close()
    if not self._stopping():
      self._coordinator.report_done('evaluator')

  def _run_until_stop(self) -> None:
    config, coordinator = self._config, self._coordinator
    stopping = self._stopping
    finishing = node_lib.Polled(coordinator.should_finish)
    while not stopping() and not finishing():
      steps = int(coordinator.get_counts().get('actor_steps', 0))
      if evaluation.is_due(self._last_evaluation, steps, config.eval_every):
        self._evaluate(lambda: stopping() or finishing())
      else:
        time.sleep(node_lib.POLL_SECONDS)
    while not stopping() and not coordinator.is_done('learner'):
      time.sleep(node_lib.POLL_SECONDS)
    if not stopping():
      self._evaluate(stopping)

  def _evaluate(self, should_leave: Callable[[], bool]) -> None:
    """Evaluates the learner's current parameters; briefly, if it must stop."""
    num_episodes = self._config.evaluation_episodes
    counts = self._coordinator.get_counts()
    steps = int(counts.get('actor_steps', 0))
    self._evaluator.take_parameters()
    episodes = self._evaluator.run(steps, num_episodes, should_leave)
    is_whole = len(episodes) == num_episodes
    if not episodes or not (is_whole or self._stopping()):
      return
    row = self._write(counts, episodes)
    if is_whole:
      self._last_evaluation = steps
      run_state.save_last_evaluation(self._config.workdir, steps)
    else:
      self._has_short_evaluation = True
    if not self._stopping():
      self._coordinator.report(
        {
          'evaluation_return': row['episode_return'],
          'evaluation_return_std': row['episode_return_std'],
          'warning': evaluation.look_for_warnings(self._config),
        }
      )

  def _evaluate_in_short(self) -> None:
    """Evaluates what the learner saves when the program stops."""
    config = self._config
    if not self._wait_until_saved():
      # The learner left without saving, or failed: nothing to evaluate.
      return
    counts = run_state.restore_counts(config.workdir)
    steps = int(counts.get('actor_steps', 0))
    if steps == self._last_evaluation or not counts.get('learner_steps'):
      return
    agent = config.make_agent()
    saved = agent.saved_policy(agent.make_networks(self._spec))
    state = run_folder.read_learner(config.workdir, saved.like)
    self._source.keep_to(saved.as_params(state))
    self._evaluator.take_parameters()
    deadline = time.monotonic() + _SHORT_EVALUATION_SECONDS
    episodes = self._evaluator.run(
      steps, 1, lambda: time.monotonic() > deadline
    )
    if episodes:
      self._write(counts, episodes)

  def _wait_until_saved(self) -> bool:
    """Waits for the learner's last checkpoint; returns whether it exists."""
    workdir = self._config.workdir
    heard = time.time() - _SECONDS_BEHIND
    deadline = time.monotonic() + _SECONDS_TO_SAVE
    while time.monotonic() < deadline and failures.read(workdir) is None:
      if run_state.learner_saved_at(workdir) >= heard:
        return True
      time.sleep(_POLL_SECONDS)
    return False

  def _write(
    self, counts: Mapping[str, float], episodes: Sequence[np.ndarray]
  ) -> dict[str, float]:
    row = evaluation.summarise(episodes, self._config.agent.discount)
    self._logger.write({'actor_steps': 0, 'learner_steps': 0, **counts, **row})
    return row
