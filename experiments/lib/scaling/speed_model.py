"""The speed of a run by what a step and an update cost: docs/scaling.md."""

from collections.abc import Mapping
import dataclasses


@dataclasses.dataclass(frozen=True)
class Costs:
  """Processor seconds for the work of a run.

  Attributes:
    actor: per environment step.
    learner: per update, including its samples and the replay.
    updating: the share of that used by the threads that make the update.
    updates: updates per step.
  """

  actor: float
  learner: float
  updating: float
  updates: float


def read_costs(row: Mapping[str, str]) -> Costs:
  """Computes the costs from a run that the limiter held.

  Args:
    row: the run's row.

  Returns:
    The costs.
  """
  steps, updates = (
    float(row[f'{name}_per_second']) for name in ('steps', 'updates')
  )
  return Costs(
    actor=float(row['actor_processors']) / steps,
    learner=float(row['learner_processors']) / updates,
    updating=float(row['updating_processors']) / updates,
    updates=updates / steps,
  )


def calculate(costs: Costs, actors: float, processors: float) -> float:
  """Steps per second of a run with the limiter, as in docs/scaling.md.

  Args:
    costs: on one processor.
    actors: number of actors.
    processors: number of processors; infinity if each node has its own.

  Returns:
    Steps per second over all actors.
  """
  return min(
    actors / costs.actor,
    1 / (costs.updates * costs.updating),
    processors / (costs.actor + costs.updates * costs.learner),
  )
