"""The size of a run's replay: reported, or refused, before it is made."""

from quinoa_acme.data import transitions
from quinoa_acme.runs import experiment as experiment_lib
from quinoa_acme.runs.watching import memory
from quinoa_acme.utils import common_types as types
from quinoa_acme.utils import nests

# Replays from this size in bytes on are reported.
_LARGE = 10**9


class ReplaySizeError(ValueError):
  """The replay would not fit into memory; says its size and the remedy."""


def check(
  config: experiment_lib.ExperimentConfig,
  spec: types.EnvironmentSpec,
  memory_limit: int | None = None,
) -> str | None:
  """Checks that a run's replay fits into the memory of this machine.

  Args:
    config: the run.
    spec: the environment's specs.
    memory_limit: available bytes; by default `memory.limit()`.

  Returns:
    A sentence on its size; None below a gigabyte.

  Raises:
    ReplaySizeError: if it would be larger than the memory.
  """
  layout = nests.Nest(transitions.make_spec(spec, config.agent.window))
  each = sum(leaf.num_bytes for leaf in layout.leaves)
  # One transition per step, up to the run's number of steps.
  number = min(config.agent.max_replay_size, config.num_steps)
  total = each * number
  if memory_limit is None:
    memory_limit = memory.limit()
  said = (
    f'{each:,} bytes per transition, {total / 1e9:.1f} GB for {number:,} of '
    f'them, of {memory_limit / 1e9:.1f} GB of memory'
  )
  if total > memory_limit:
    fitting = memory_limit // each // 2
    raise ReplaySizeError(
      f'The replay would not fit into memory: {said}. Lower max_replay_size, '
      f'e.g. to {fitting:,}, or make observations smaller.'
    )
  return f'Replay: {said}.' if total >= _LARGE else None
