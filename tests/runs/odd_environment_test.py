"""A run in an environment that is odd, but right, learns from what it gave.

Its observations are ordered dictionaries whose order is not that of their keys,
and always the same arrays; its actions are of a float64 box that float32 rounds
to outside of, and it changes them.
"""

import collections
from typing import ClassVar

import dm_env
from dm_env import specs
import numpy as np
import pytest

import quinoa_acme
from quinoa_acme.agents import quinoa
from quinoa_acme.networks.flows import tilted
from quinoa_acme.runs import experiment
from quinoa_acme.runs import local
from quinoa_acme.runs.checkpoints import run_folder
from quinoa_acme.utils import checkpointing

_EPISODE = 15
_HIGH = 0.1  # As float32 it is more.


class _Odd(dm_env.Environment):
  """Notes what it was given, and what it showed before."""

  noted: ClassVar[list[tuple[dict[str, np.ndarray], np.ndarray]]] = []

  def __init__(self, seed):
    self._rng = np.random.default_rng(seed)
    self._parts = collections.OrderedDict(
      [('place', np.zeros(2, np.float32)), ('count', np.zeros((), np.int32))]
    )

  def reset(self):
    self._move(0)
    return dm_env.restart(self._parts)

  def step(self, action):
    assert (np.abs(action) <= _HIGH).all()
    parts = {name: part.copy() for name, part in self._parts.items()}
    self.noted.append((parts, action.copy()))
    count = int(self._parts['count']) + 1
    reward = -np.square(action - _HIGH * self._parts['place']).sum()
    action[:] = 99
    self._move(count)
    end = dm_env.termination if count == _EPISODE else dm_env.transition
    return end(100 * reward, self._parts)

  def observation_spec(self):
    return collections.OrderedDict(
      (name, specs.Array(part.shape, part.dtype, name))
      for name, part in self._parts.items()
    )

  def action_spec(self):
    return specs.BoundedArray((2,), np.float64, -_HIGH, _HIGH, 'action')

  def _move(self, count):
    self._parts['place'][:] = self._rng.uniform(-1, 1, 2)
    self._parts['count'][()] = count


@pytest.fixture(scope='module')
def run(tmp_path_factory):
  """What a run has left: its configuration, and what its environments noted."""
  config = experiment.ExperimentConfig(
    agent=quinoa.QuinoaConfig(
      flow=tilted.TiltedFlowConfig(num_couplings=2, hidden_sizes=(8,)),
      value_hidden_sizes=(8,),
      fit=quinoa.CriticFit(hidden_sizes=(8,), num_actions=2),
      evaluation_policy=quinoa.BaseMode(),
      batch_size=32,
      num_sgd_steps_per_step=10,
      samples_per_insert=64,
      min_replay_size=100,
      max_replay_size=1000,
      samples_per_insert_tolerance=0.5,
      learning_rate=1e-2,
    ),
    environment_factory=_Odd,
    env_name='odd',
    workdir=str(tmp_path_factory.mktemp('odd')),
    num_steps=300,
    eval_every=300,
    evaluation_episodes=1,
  )
  _Odd.noted.clear()
  local.run(config)
  run_folder.write_spec(config.workdir, config.make_spec())
  config.write_json()
  return config, list(_Odd.noted)


@pytest.mark.slow
def test_replay_holds_what_was_seen_and_done(run):
  config, noted = run
  checkpoint = checkpointing.read_latest(
    run_folder.run_checkpoints(config.workdir)
  )
  replay = quinoa_acme.TransitionReplay(
    config.make_spec(), config.agent.max_replay_size, 0, config.agent.window
  )
  state = checkpoint.restore({'replay': replay.state_like()}, partial=True)
  replay.set_state(state['replay'], 'the checkpoint')
  count, place, action = replay.state().columns[:3]
  assert len(count) == config.num_steps
  # Before training, and after it, is an evaluation.
  for i, (parts, given) in enumerate(noted[_EPISODE:-_EPISODE]):
    np.testing.assert_array_equal(place[i], parts['place'])
    np.testing.assert_array_equal(count[i], parts['count'])
    np.testing.assert_array_equal(action[i], given)
  sample = replay.sample(500)
  apart = sample.next_observation['count'] - sample.observation['count']
  assert set(apart.tolist()) == {1, 2, 3}


@pytest.mark.slow
def test_all_that_act_agree_on_the_features(run):
  config, noted = run
  policy = quinoa_acme.load_policy(config.workdir)
  # The last evaluation's, of the parameters that were saved.
  actions = [given for _, given in noted[-_EPISODE:]]
  for (parts, _), action in zip(noted[-_EPISODE:], actions, strict=True):
    for kind in (dict, lambda x: collections.OrderedDict(reversed(x.items()))):
      np.testing.assert_allclose(policy(kind(parts)), action, rtol=1e-4)
  # They depend on it, so that another order would show.
  assert np.std(actions, axis=0).min() > 1e-3
