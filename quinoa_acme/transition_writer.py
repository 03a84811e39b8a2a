"""Transitions into a Reverb table, one at a time, in few calls from Python.

Acme's `NStepTransitionAdder` makes a transition of the last steps that its
writer holds, in a few hundred microseconds of Python, several times what a
policy takes. One-step transitions need no memory of steps: each is a row of its
own, which Reverb's `StructuredWriter` takes in one call. See
docs/decisions/0019-speed.md.
"""

from typing import Any

from acme import types
import numpy as np
import reverb
from reverb import structured_writer
import tree

# Transitions on their way to the server, at most, while the actor goes on. The
# limiter's window is many times as wide.
_MAX_IN_FLIGHT = 20


class TransitionWriter:
  """Inserts transitions into one table, each as soon as it is there."""

  def __init__(self, client: reverb.Client, table: str):
    """Waits for the server, and makes the writer.

    Args:
      client: of the server.
      table: the table's name; its signature is an `acme.types.Transition`.
    """
    signature: Any = client.server_info()[table].signature
    self._specs = [
      (tuple(leaf.shape), np.dtype(leaf.dtype.as_numpy_dtype), leaf.name)
      for leaf in tree.flatten(signature)
    ]
    step = structured_writer.create_reference_step(signature)
    pattern: Any = tree.map_structure(lambda column: column[-1], step)
    config = structured_writer.create_config(pattern, table)
    self._writer = client.structured_writer([config])

  def insert(self, transition: types.Transition) -> None:
    """Sends a transition; blocks while the table's limiter holds it back.

    Args:
      transition: its leaves without a batch dimension. An action may be of
        another precision than the table's: policies give float32.

    Raises:
      ValueError: if it is not of the table's signature, which the writer itself
        does not look at.
    """
    leaves = tree.flatten(transition)
    if len(leaves) != len(self._specs):
      raise ValueError(
        f'The table takes transitions of {len(self._specs)} arrays, but this '
        f'has {len(leaves)}: {transition}.'
      )
    for i, (shape, dtype, name) in enumerate(self._specs):
      leaf = np.asarray(leaves[i])
      if leaf.shape != shape or leaf.dtype.kind != dtype.kind:
        raise ValueError(
          f'The table takes {name} as {dtype}{shape}, but it is '
          f'{leaf.dtype}{leaf.shape}. The environment must give what its specs '
          'say.'
        )
      leaves[i] = leaf if leaf.dtype == dtype else leaf.astype(dtype)
    self._writer.append(leaves)
    self._writer.flush(_MAX_IN_FLIGHT)
