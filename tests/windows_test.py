"""Tests of the replay whose samples hold the steps that followed."""

from acme import types
import numpy as np
import tree

from quinoa_acme import replay as replay_lib
from quinoa_acme import windows

_GAMMA = 0.9


def _fill(replay: replay_lib.TransitionReplay, lengths, last_discounts) -> None:
  """Episodes; rewards count up, and observations say episode and step."""
  count = 0
  for episode, (length, last) in enumerate(
    zip(lengths, last_discounts, strict=True)
  ):
    for step in range(length):
      replay.insert(
        types.Transition(
          observation=np.array([episode, step, 0], np.float32),
          action=np.array([count, -count], np.float32),
          reward=np.float32(count),
          discount=np.float32(last if step == length - 1 else 1.0),
          next_observation=np.array([episode, step + 1, 0], np.float32),
        )
      )
      count += 1


def test_windows_end_with_the_episode_and_with_what_was_inserted(make_spec):
  max_size, num_steps = 12, 3
  replay = windows.WindowReplay(make_spec(), max_size, 0, num_steps, _GAMMA)
  # The first transitions are overwritten; the last episode is in progress.
  lengths, lasts = (4, 5, 1, 6), (0.0, 1.0, 0.0, 1.0)
  _fill(replay, lengths, lasts)
  ends = np.cumsum(lengths)
  batch = replay.sample(2000)
  assert set(batch.reward.astype(int)) == set(range(4, 16))
  for i, first in enumerate(batch.reward.astype(int)):
    episode = int(np.searchsorted(ends, first, side='right'))
    steps = min(num_steps, ends[episode] - first)
    is_terminal = first + steps == ends[episode] and lasts[episode] == 0.0
    discount = 0.0 if is_terminal else _GAMMA ** (steps - 1)
    np.testing.assert_allclose(batch.discount[i], discount, rtol=1e-6)
    begun = ends[episode] - lengths[episode]
    assert tuple(batch.next_observation[i, :2]) == (
      episode,
      first - begun + steps,
    )
    for k in range(1, num_steps):
      weight = _GAMMA**k if k < steps else 0.0
      np.testing.assert_allclose(batch.extras.weight[i, k - 1], weight, 1e-6)
      if k < steps:
        assert batch.extras.reward[i, k - 1] == first + k
        assert batch.extras.action[i, k - 1, 0] == first + k
        assert batch.extras.observation[i, k - 1, 1] == first - begun + k


def test_nothing_follows_the_only_transition(make_spec):
  replay = windows.WindowReplay(make_spec(), 5, 0, 3, _GAMMA)
  # As memory may be that was not written.
  for column in tree.flatten(replay._storage):
    column[:] = np.nan
  _fill(replay, (1,), (1.0,))
  batch = replay.sample(4)
  assert all(np.all(np.isfinite(leaf)) for leaf in tree.flatten(batch))
  np.testing.assert_array_equal(batch.discount, np.ones(4))
  np.testing.assert_array_equal(batch.extras.weight, np.zeros((4, 2)))
