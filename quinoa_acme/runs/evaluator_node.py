"""The program's evaluator: paced by the actors' steps, and never busy."""

from collections.abc import Callable
import dataclasses
import time

from quinoa_acme import resources
from quinoa_acme.runs import coordinator as coordinator_lib
from quinoa_acme.runs import evaluation
from quinoa_acme.runs import experiment as experiment_lib
from quinoa_acme.runs import learner_node
from quinoa_acme.runs import node as node_lib
from quinoa_acme.runs import run_state
from quinoa_acme.runs import watchdog

# Seconds for the last evaluation of a run that a signal stops.
_SHORT_EVALUATION_SECONDS = 4.0


def run_evaluator(
  config: experiment_lib.ExperimentConfig,
  learner: learner_node.LearnerNode,
  coordinator: coordinator_lib.Coordinator,
) -> None:
  """The node of the evaluator: paced by the actors' steps, never busy."""
  resources.end_with_launcher()
  node_lib.wait_for_begin(coordinator)
  watch = watchdog.Watch('evaluator', config.environment_timeout)
  prints = node_lib.runs_in_own_process()

  def evaluate_run(stopping: Callable[[], bool]) -> None:
    watched = dataclasses.replace(
      config, environment_factory=watch.over(config.environment_factory)
    )
    _Evaluations(watched, learner, coordinator, prints).run(stopping)

  node_lib.Body(
    'evaluator', config.workdir, evaluate_run, watch.check
  ).run_until_stop()


class _Evaluations:
  """What the evaluator does: evaluations on the grid, and a last one."""

  def __init__(
    self,
    config: experiment_lib.ExperimentConfig,
    learner: learner_node.LearnerNode,
    coordinator: coordinator_lib.Coordinator,
    prints: bool,
  ):
    self._config = config
    self._coordinator = coordinator
    self._last_evaluation = run_state.last_evaluation(config.workdir)
    self._logger = node_lib.make_logger(
      config, 'evaluator', self._last_evaluation, prints
    )
    self._evaluator = evaluation.Evaluator(
      config, config.make_spec(), node_lib.as_variable_source(learner)
    )

  def run(self, stopping: Callable[[], bool]) -> None:
    """Evaluates until the run ends, or the program stops."""
    config, coordinator = self._config, self._coordinator
    finishing = node_lib.Polled(coordinator.should_finish)
    while not stopping() and not finishing():
      steps = int(coordinator.get_counts().get('actor_steps', 0))
      if evaluation.is_due(self._last_evaluation, steps, config.eval_every):
        self._evaluate(lambda: stopping() or finishing(), stopping)
      else:
        time.sleep(node_lib.POLL_SECONDS)
    while not stopping() and not coordinator.is_done('learner'):
      time.sleep(node_lib.POLL_SECONDS)
    if not stopping():
      self._evaluate(stopping, stopping)
    self._logger.close()
    if not stopping():
      coordinator.report_done('evaluator')

  def _evaluate(
    self, should_leave: Callable[[], bool], stopping: Callable[[], bool]
  ) -> None:
    """Evaluates the learner's parameters of now, in short if it must stop."""
    num_episodes = self._config.evaluation_episodes
    counts = self._coordinator.get_counts()
    steps = int(counts.get('actor_steps', 0))
    self._evaluator.take_parameters()
    episodes = self._evaluator.run(steps, num_episodes, should_leave)
    is_whole = len(episodes) == num_episodes
    if not is_whole:
      if not stopping():
        return
      deadline = time.monotonic() + _SHORT_EVALUATION_SECONDS
      episodes = episodes or self._evaluator.run(
        steps, 1, lambda: time.monotonic() > deadline
      )
    if not episodes:
      return
    row = evaluation.summarise(episodes, self._config.agent.discount)
    self._logger.write({'actor_steps': 0, 'learner_steps': 0, **counts, **row})
    if is_whole:
      self._last_evaluation = steps
      run_state.save_last_evaluation(self._config.workdir, steps)
    if not stopping():
      self._coordinator.report(
        {
          'evaluation_return': row['episode_return'],
          'evaluation_return_std': row['episode_return_std'],
          'warning': evaluation.look_for_warnings(self._config),
        }
      )
