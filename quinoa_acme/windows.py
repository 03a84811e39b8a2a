"""A replay whose samples hold the steps that followed as well."""

from typing import Any, cast, NamedTuple

from acme import specs
from acme import types
import numpy as np
import tree

from quinoa_acme import replay as replay_lib


class Later(NamedTuple):
  """The steps 1 to n - 1 after the first of a transition over n steps.

  Where the episode ends before, or replay has no more, weights are zero and the
  rest is of no account.

  Attributes:
    observation: states s_k, leaves [N, n - 1, ...].
    action: what was done there, a_k, [N, n - 1, *action].
    reward: r_k, [N, n - 1].
    weight: g^k d_0 ... d_(k-1), [N, n - 1].
  """

  observation: Any
  action: np.ndarray
  reward: np.ndarray
  weight: np.ndarray


class WindowReplay(replay_lib.TransitionReplay):
  """Samples are transitions over n steps, with all that is between.

  Reward, observation and action are the first step's; the discount is g^(m-1)
  d_0 ... d_(m-1), and the next observation s_m, of the m <= n steps that there
  are.

  One actor's transitions, in their order, are taken for an episode as long as
  each begins where the one before ended.
  """

  def __init__(
    self,
    spec: specs.EnvironmentSpec,
    max_size: int,
    seed: int,
    num_steps: int,
    discount: float,
  ):
    """Makes an empty replay.

    Args:
      spec: the environment's specs.
      max_size: transitions kept.
      seed: of the sampling.
      num_steps: n, at least 2.
      discount: g, the agent's discount.
    """
    super().__init__(spec, max_size, seed)
    self._num_steps = num_steps
    self._discount = np.float32(discount)

  def _take(self, rows: np.ndarray) -> types.Transition:
    storage = cast(types.Transition, self._storage)
    steps = np.arange(self._num_steps)
    window = (rows[:, None] + steps) % self._max_size
    goes_on = self._inserted_before(rows)[:, None] + steps < self._num_inserted
    for ended, begun in zip(
      tree.flatten(storage.next_observation),
      tree.flatten(storage.observation),
      strict=True,
    ):
      same = ended[window[:, :-1]] == begun[window[:, 1:]]
      goes_on[:, 1:] &= same.all(axis=tuple(range(2, same.ndim)))
    goes_on = np.logical_and.accumulate(goes_on, axis=1)
    # Where nothing follows, the memory may never have been written.
    window = np.where(goes_on, window, rows[:, None])
    last = goes_on.sum(axis=1) - 1
    last_rows = window[np.arange(len(rows)), last]
    # Before each step but the first.
    decay = np.cumprod(
      self._discount * storage.discount[window[:, :-1]], axis=1
    )
    before_last = np.where(last > 0, decay[np.arange(len(rows)), last - 1], 1.0)
    discount = before_last * storage.discount[last_rows]

    def take(column: str, rows: np.ndarray) -> Any:
      part = getattr(storage, column)
      return tree.map_structure(lambda leaf: leaf[rows], part)

    return types.Transition(
      observation=take('observation', rows),
      action=take('action', rows),
      reward=take('reward', rows),
      discount=discount.astype(np.float32),
      next_observation=take('next_observation', last_rows),
      extras=Later(
        observation=take('observation', window[:, 1:]),
        action=take('action', window[:, 1:]),
        reward=take('reward', window[:, 1:]),
        weight=(decay * goes_on[:, 1:]).astype(np.float32),
      ),
    )
