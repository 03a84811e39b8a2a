"""Our SVG(0) beside dm-acme's: the options of both, and the table's rows."""

import dataclasses
import pathlib
from typing import Any

from absl import flags
from acme import wrappers

from quinoa_acme import environments
from quinoa_acme.agents import svg0
from quinoa_acme.runs import experiment
from quinoa_acme.runs import local
from quinoa_acme.runs import scripts
from quinoa_acme.runs.watching import loggers

SIZES = (64, 64)
TARGET = svg0.CopyEvery(100)
# Options of both. Scales and samples are those of Acme's agent.
CONFIG = svg0.SVG0Config(
  policy=svg0.ClippedGaussianConfig(
    hidden_sizes=SIZES, initial_scale=1.0, min_scale=0.3, max_scale=2.0
  ),
  critic_hidden_sizes=SIZES,
  num_actions=10,
  regularisation=svg0.NoRegularisation(),
  target=TARGET,
)


@dataclasses.dataclass(frozen=True)
class Plan:
  """The task of both, and how long they train.

  Attributes:
    env_name: the task.
    num_steps: environment steps.
    eval_every: environment steps between evaluations.
    evaluation_episodes: episodes per evaluation.
    seed: for everything random.
  """

  env_name: str
  num_steps: int
  eval_every: int
  evaluation_episodes: int
  seed: int

  def make_environment(self, seed: int) -> Any:
    """Makes the task's environment, which clips actions."""
    # Acme's policy does not clip its actions.
    return wrappers.CanonicalSpecWrapper(
      environments.make_environment(self.env_name, seed), clip=True
    )

  def row(
    self, agent: str, steps: int, seconds: float, mean_return: float
  ) -> dict[str, Any]:
    """The row of one evaluation, in the columns of `results.COLUMNS`.

    Args:
      agent: name of the agent.
      steps: environment steps before it.
      seconds: seconds of acting and learning before it.
      mean_return: mean return of its episodes.
    """
    return {
      'agent': agent,
      'preset': 'one-step',
      'task': '-'.join(self.env_name.split(':')[1:]),
      'seed': self.seed,
      'actor_steps': steps,
      'learner_steps': max(steps - CONFIG.min_replay_size, 0),
      'wall_clock': round(seconds, 1),
      'return': round(mean_return, 2),
      'evaluation': 'mean',
      **experiment.describe_source(),
    }


def read_plan(values: flags.FlagValues) -> Plan:
  """Reads the flags of `compare_svg0.py`.

  Raises:
    ValueError: if nothing can be written where they say.
  """
  scripts.check_output('output', values.output)
  scripts.check_output('folder', values.folder)
  return Plan(
    env_name=values.env_name,
    num_steps=values.num_steps,
    eval_every=values.eval_every,
    evaluation_episodes=values.evaluation_episodes,
    seed=values.seed,
  )


def train_ours(plan: Plan, workdir: str) -> list[dict[str, Any]]:
  """Trains our agent.

  Args:
    plan: the task, and how long to train.
    workdir: the run's folder.

  Returns:
    A row for each evaluation.

  Raises:
    ValueError: if there is no such task.
    checkpointing.CheckpointError: if the folder has another run.
  """
  config = experiment.ExperimentConfig(
    agent=CONFIG,
    environment_factory=plan.make_environment,
    env_name=plan.env_name,
    workdir=workdir,
    num_steps=plan.num_steps,
    seed=plan.seed,
    eval_every=plan.eval_every,
    evaluation_episodes=plan.evaluation_episodes,
  )
  # An unknown task is refused before anything is written.
  config.make_spec()
  config.write_json()
  local.run(config)
  path = pathlib.Path(config.workdir) / 'logs' / 'evaluator.csv'
  return [
    plan.row(
      'svg0',
      int(row['actor_steps']),
      row.get('training_seconds', 0.0),
      row['episode_return'],
    )
    for row in loggers.read_rows(path)
  ]
