"""The evaluation of a policy over whole episodes."""

from collections.abc import Callable, Sequence
import dataclasses
import pathlib
from typing import Any, cast

from absl import logging
import jax
import numpy as np

from quinoa_acme.agents import agents
from quinoa_acme.agents.common import actors
from quinoa_acme.agents.common import off_policy
from quinoa_acme.environments import action_repeat as action_repeat_lib
from quinoa_acme.environments import wrappers
from quinoa_acme.runs import acting_loop
from quinoa_acme.runs import evaluation_limits
from quinoa_acme.runs import experiment as experiment_lib
from quinoa_acme.runs.watching import loggers
from quinoa_acme.runs.watching import progress as progress_lib
from quinoa_acme.runs.watching import soundness
from quinoa_acme.utils import core
from quinoa_acme.utils import specs


class _ServeEvaluated(core.VariableSource):
  """Serves a learner's variables of another name as 'policy'."""

  def __init__(self, source: core.VariableSource, name: str):
    self._source = source
    self._name = name

  def get_variables(self, names: Sequence[str]) -> list[Any]:
    """Returns the variables; actors ask for 'policy'."""
    return self._source.get_variables(
      [self._name if name == 'policy' else name for name in names]
    )


def serve_evaluated(
  saved: off_policy.SavedPolicy, source: core.VariableSource
) -> core.VariableSource:
  """Serves an actor the policy to evaluate as 'policy'.

  Args:
    saved: the policy to evaluate, with the learner's name for it.
    source: the learner, or a client of it.

  Returns:
    The source for an evaluator's actor.
  """
  return _ServeEvaluated(source, saved.variables)


class Evaluator:
  """Runs the evaluation policy of a run.

  An evaluation depends only on the run's seed, its step, and the parameters. It
  carries nothing over to the next, so skipping, shortening or repeating one
  changes no other.
  """

  def __init__(
    self,
    config: experiment_lib.ExperimentConfig,
    spec: specs.EnvironmentSpec,
    source: core.VariableSource,
    warn: Callable[[str], None] = logging.warning,
  ):
    """Makes the evaluator.

    Args:
      config: the run.
      spec: the environment's specs.
      source: the learner, or a client of it.
      warn: called once, if an episode had to be ended.
    """
    self._config = config
    self._warn = warn
    self._has_warned = False
    # With a longer period, a waiting update would not always fetch.
    agent = agents.make_agent(
      dataclasses.replace(config.agent, variable_update_period=1)
    )
    builder = agent.make_builder(spec, core.NoOpLogger)
    networks = agent.make_networks(spec)
    actor = builder.make_actor(
      jax.random.PRNGKey(0),
      agent.make_evaluation_policy(networks),
      variable_source=serve_evaluated(agent.saved_policy(networks), source),
    )
    self._actor = cast(actors.SaveableActor, actor)

  def take_parameters(self) -> None:
    """Fetches the learner's parameters, for all evaluations until the next."""
    self._actor.update(wait=True)

  def run(
    self,
    actor_steps: int,
    num_episodes: int,
    should_stop: Callable[[], bool] = acting_loop.never,
  ) -> list[np.ndarray]:
    """Runs whole episodes in a separate environment.

    Args:
      actor_steps: the step at which the evaluation is made.
      num_episodes: episodes to run.
      should_stop: asked before every step; when true the evaluation ends.

    Returns:
      The rewards, [T], of each complete episode.

    Raises:
      evaluation_limits.EndlessEpisodeError: if an episode reaches the run's
        limit, and that is an error.
    """
    seed = self._config.seed_of(f'evaluator at {actor_steps}')
    key = jax.random.PRNGKey(seed)
    self._actor.restore(self._actor.save()._replace(random_key=key))
    environment = self._config.make_environment(seed)
    loop = acting_loop.ActingLoop(environment, self._actor, should_update=False)
    episodes = loop.run_episodes(num_episodes, should_stop, self._is_over)
    wrappers.close(environment)
    return episodes

  def _is_over(self, num_steps: int) -> bool:
    config = self._config
    return evaluation_limits.is_over(
      config.evaluation_limit, num_steps, self._warn_once, config.action_repeat
    )

  def _warn_once(self, text: str) -> None:
    if not self._has_warned:
      self._has_warned = True
      self._warn(text)


def is_due(last_evaluation: int, actor_steps: int, eval_every: int) -> bool:
  """Whether a multiple of `eval_every` was reached since the last evaluation.

  Args:
    last_evaluation: the step of the last complete evaluation, or
      `run_state.NEVER`.
    actor_steps: the steps made.
    eval_every: steps between evaluations.

  Returns:
    Whether an evaluation is due.
  """
  return last_evaluation // eval_every < actor_steps // eval_every


def look_for_warnings(config: experiment_lib.ExperimentConfig) -> str | None:
  """Checks a run's rows, and notes in its logs what looks wrong.

  Args:
    config: the run, whose last evaluation has been logged.

  Returns:
    What looks wrong, in words, or None.
  """
  logs = pathlib.Path(config.workdir, 'logs')
  paths = [logs / f'{label}.csv' for label in ('learner', 'evaluator')]
  learner, evaluator = (
    loggers.read_rows(path) if path.exists() else [] for path in paths
  )
  found = soundness.find_warnings(
    learner, evaluator, getattr(config.agent, 'reward_scale', 1.0)
  )
  if not found:
    return None
  at = action_repeat_lib.describe_steps(
    evaluator[-1]['actor_steps'], config.action_repeat
  )
  with (logs / 'warnings.txt').open('a') as file:
    for sentence in found:
      file.write(f'{at}: {sentence}\n')
  return ' '.join(found)


def with_last(workdir: str, status: progress_lib.Status) -> progress_lib.Status:
  """Adds the last logged evaluation to a run's status.

  Args:
    workdir: the run's folder.
    status: of the run.

  Returns:
    The status, with the evaluation in the last row, if there is one.
  """
  path = pathlib.Path(workdir) / 'logs' / 'evaluator.csv'
  rows = loggers.read_rows(path) if path.exists() else []
  if not rows:
    return status
  return dataclasses.replace(
    status,
    evaluation_return=rows[-1]['episode_return'],
    evaluation_return_std=rows[-1]['episode_return_std'],
  )


def summarise(
  episodes: Sequence[np.ndarray], discount: float
) -> dict[str, float]:
  """The statistics that the evaluator logs.

  Args:
    episodes: the rewards of each episode, [T]; at least one.
    discount: the agent's gamma.

  Returns:
    The mean undiscounted return as `episode_return`, with standard deviation,
    minimum, maximum and number of episodes. `discounted_return` is the mean,
    over all steps, of the discounted return from there on, which a value
    function should not exceed.
  """
  if not episodes:
    raise ValueError('There is no episode to summarise.')
  returns = [float(np.sum(rewards)) for rewards in episodes]
  discounted = np.concatenate(
    [discounted_returns(rewards, discount) for rewards in episodes]
  )
  return {
    'episode_return': float(np.mean(returns)),
    'episode_return_std': float(np.std(returns)),
    'episode_return_min': float(np.min(returns)),
    'episode_return_max': float(np.max(returns)),
    'discounted_return': float(np.mean(discounted)),
    'evaluation_episodes': len(returns),
  }


def discounted_returns(rewards: np.ndarray, discount: float) -> np.ndarray:
  """sum_k discount^k r_(t+k) for each step t of an episode.

  Args:
    rewards: of each step, [T].
    discount: gamma.

  Returns:
    An array of shape [T].
  """
  following = 0.0
  returns = np.zeros(len(rewards))
  for step in reversed(range(len(rewards))):
    following = rewards[step] + discount * following
    returns[step] = following
  return returns
