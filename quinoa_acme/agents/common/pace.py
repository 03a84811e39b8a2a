"""Refuses a layout of Acme's in which an agent would wait for itself.

`LocalLayout` acts and learns in one thread. It schedules the learner by its own
numbers, which ignore the replay's limiter. If the two disagree, the thread
waits at the limiter for something that only this thread could do. See
docs/decisions/0014-library-of-components.md.
"""

import sys

# Tolerances from here on limit nothing.
_NO_LIMIT = 1e6
_MODULE, _FUNCTION = 'acme.jax.layouts.local_layout', '__init__'


def check_layout(min_replay_size: int, tolerance: float, builder: str) -> None:
  """Refuses to make tables with a limiter for a `LocalLayout`.

  Call it where the tables are made.

  Args:
    min_replay_size: transitions before the limiter allows sampling.
    tolerance: of its ratio.
    builder: name of the builder that makes the tables.

  Raises:
    ValueError: if a `LocalLayout` is asking and the limiter could block it.
  """
  is_free = min_replay_size == 1 and tolerance >= _NO_LIMIT
  if not is_free and _is_in_local_layout():
    raise ValueError(
      f"{builder} in Acme's LocalLayout would wait forever: the layout acts "
      'and learns in one thread, by its own numbers, and the '
      "replay's limiter would stop it. Make the layout by "
      'quinoa_acme.make_local_layout(config, spec, make_builder, networks, '
      'policy); or leave the pace to the layout, with min_replay_size=1 and '
      "samples_per_insert_tolerance=1e9 in the builder's options, and give the "
      'layout its min_replay_size, samples_per_insert, batch_size and '
      'num_sgd_steps_per_step.'
    )


def _is_in_local_layout() -> bool:
  """Whether a `LocalLayout` is being made; it does not tell its builder."""
  frame = sys._getframe(1)
  while frame is not None:
    if (
      frame.f_code.co_name == _FUNCTION
      and frame.f_globals.get('__name__') == _MODULE
    ):
      return True
    frame = frame.f_back
  return False
