"""How large a run's replay comes to be: said, or refused, before it is made."""

from quinoa_acme.data import transitions
from quinoa_acme.runs import experiment as experiment_lib
from quinoa_acme.runs.watching import memory
from quinoa_acme.utils import common_types as types
from quinoa_acme.utils import nests

# Bytes of a replay that is worth a word.
_LARGE = 10**9


class ReplaySizeError(ValueError):
  """The replay would not fit into memory; says its size, and what to do."""


def check(
  config: experiment_lib.ExperimentConfig,
  spec: types.EnvironmentSpec,
  memory_limit: int | None = None,
) -> str | None:
  """Looks whether a run's replay fits into the memory of this machine.

  Args:
    config: the run.
    spec: the environment's specs.
    memory_limit: the bytes that there are; by default `memory.limit()`.

  Returns:
    What there is to say of its size; None of one below a gigabyte.

  Raises:
    ReplaySizeError: if it would be larger than the memory.
  """
  layout = nests.Nest(transitions.make_spec(spec, config.agent.window))
  each = sum(leaf.num_bytes for leaf in layout.leaves)
  # There are as many as steps, of which a run makes so many.
  number = min(config.agent.max_replay_size, config.num_steps)
  total = each * number
  if memory_limit is None:
    memory_limit = memory.limit()
  said = (
    f'{each:,} bytes a transition, {total / 1e9:.1f} GB for {number:,} of '
    f'them, of {memory_limit / 1e9:.1f} GB of memory'
  )
  if total > memory_limit:
    fitting = memory_limit // each // 2
    raise ReplaySizeError(
      f'The replay would not fit into memory: {said}. Lower max_replay_size, '
      f'e.g. to {fitting:,}, or give smaller observations.'
    )
  return f'Replay: {said}.' if total >= _LARGE else None
