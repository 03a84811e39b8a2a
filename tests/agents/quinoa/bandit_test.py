"""Quinoa on a bandit whose optimum is known: the policy keeps both modes."""

import dataclasses

import dm_env
import jax
import numpy as np
import pytest

from quinoa_acme import networks as networks_lib
from quinoa_acme.agents import quinoa
from quinoa_acme.data import adders
from quinoa_acme.data import replay as replay_lib
from quinoa_acme.utils import specs

_MODES = np.array([[0.5, 0.5], [-0.5, -0.5]])
_WIDTH = 0.25


def _distances(actions: np.ndarray) -> np.ndarray:
  """The distance of each action from each mode, [B, 2]."""
  return np.linalg.norm(actions[:, None] - _MODES, axis=-1)


def _rewards(actions: np.ndarray) -> np.ndarray:
  """The better of two bumps of height one."""
  bumps = np.exp(-0.5 * (_distances(actions) / _WIDTH) ** 2)
  return bumps.max(axis=1).astype(np.float32)


def _train(config, networks, spec, seed, num_rounds=100):
  """Returns samples of the policy after so many rounds of 32 pulls."""
  replay = replay_lib.TransitionReplay(
    spec, max_size=20_000, seed=seed, window=config.window
  )
  adder = adders.make_adder(
    replay, config.transition_steps, config.window, config.discount
  )
  learner = quinoa.QuinoaLearner(
    networks,
    config,
    jax.random.PRNGKey(seed),
    replay.as_iterator(config.samples_per_step),
  )
  act = jax.jit(quinoa.make_policy(networks))
  observation = np.zeros((1000, 1), np.float32)
  key = jax.random.PRNGKey(100 + seed)
  for _ in range(num_rounds):
    key, action_key = jax.random.split(key)
    [params] = learner.get_variables(['policy'])
    actions = np.asarray(act(params, action_key, observation))
    for action, reward in zip(
      actions[:32], _rewards(actions[:32]), strict=True
    ):
      adder.add_first(dm_env.restart(observation[0]))
      adder.add(action, dm_env.termination(reward, observation[0]))
    learner.step()
  [params] = learner.get_variables(['policy'])
  return np.asarray(act(params, key, observation))


@pytest.fixture(scope='module')
def config():
  return dataclasses.replace(
    quinoa.QuinoaConfig.debug(),
    flow=networks_lib.TiltedFlowConfig(num_couplings=4, hidden_sizes=(32, 32)),
    value_hidden_sizes=(16,),
    fit=quinoa.CriticFit(hidden_sizes=(32,), num_actions=8),
    learning_rate=3e-3,
    temperature=quinoa.FixedTemperature(0.2),
    prior=quinoa.UniformPrior(),
    batch_size=128,
    num_sgd_steps_per_step=20,
    samples_per_insert=128.0,
  )


@pytest.mark.slow
@pytest.mark.computes
@pytest.mark.parametrize('seed', [0, 1, 2])
def test_the_policy_finds_and_keeps_both_modes(
  make_spec, make_networks, config, seed
):
  spec = make_spec(
    observation=specs.Array((1,), np.float32),
    action=specs.BoundedArray((2,), np.float32, -1.0, 1.0),
  )
  actions = _train(config, make_networks(spec, config), spec, seed)
  chance = _rewards(np.random.default_rng(0).uniform(-1, 1, (10_000, 2))).mean()
  reward = _rewards(actions).mean()
  near = (_distances(actions) < 0.4).mean(axis=0)
  assert chance < 0.25
  assert reward > 0.5
  assert near.min() > 0.2
