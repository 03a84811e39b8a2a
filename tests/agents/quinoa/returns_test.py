"""The TD target over several steps, against its formula."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.lib import random_data
from quinoa_acme.agents import agents
from quinoa_acme.agents.quinoa import config as config_lib
from quinoa_acme.agents.quinoa import fit
from quinoa_acme.agents.quinoa import returns
from quinoa_acme.agents.quinoa import training_state
from quinoa_acme.agents.quinoa import update
from quinoa_acme.data import transitions
from quinoa_acme.utils import common_types as types

_BATCH, _STEPS = 32, 3


def _make_batch() -> types.Transition:
  rng = np.random.default_rng(0)

  def draw(*shape: int) -> np.ndarray:
    return rng.uniform(-1.0, 1.0, (_BATCH, *shape)).astype(np.float32)

  later = transitions.Later(
    observation=draw(_STEPS - 1, 24),
    action=draw(_STEPS - 1, 6),
    reward=draw(_STEPS - 1),
    weight=np.abs(draw(_STEPS - 1)),
  )
  discount = np.abs(draw())
  return types.Transition(
    draw(24), draw(6), draw(), discount, draw(24), extras=later
  )


@pytest.mark.parametrize(
  ('choice', 'window', 'message'),
  [
    (returns.SoftReturn(3), 1, 'over 3 steps.*these are over one step'),
    (returns.SoftReturn(3), 2, 'over 3 steps.*these are over 2 steps'),
    (returns.OneStep(), 3, 'over one step.*these are over 3 steps'),
  ],
)
def test_transitions_over_other_steps_are_refused(
  make_spec, make_networks, make_batch, tiny_config, choice, window, message
):
  config = dataclasses.replace(tiny_config, returns=choice)
  networks = make_networks(make_spec(), config)
  batch = make_batch(make_spec(), 16, window=window)
  state = training_state.make_initial_state(
    networks, config, jax.random.PRNGKey(0), batch.observation, batch.action
  )
  with pytest.raises(ValueError, match=message):
    update.make_update_step(networks, config)(state, batch)


@pytest.mark.slow
def test_target_over_three_steps():
  config = dataclasses.replace(
    config_lib.QuinoaConfig(),
    fit=fit.DirectFit(),
    batch_size=_BATCH,
    reward_scale=0.5,
    returns=returns.SoftReturn(_STEPS),
  )
  batch = _make_batch()
  networks = agents.make_agent(config).make_networks(random_data.SPEC)
  state = training_state.make_initial_state(
    networks, config, jax.random.PRNGKey(0), batch.observation, batch.action
  )
  # Away from the start, where the policy is uniform and D is zero.
  noise = np.random.default_rng(1)
  state = state._replace(
    params=jax.tree_util.tree_map(
      lambda x: x + 0.1 * noise.normal(size=x.shape).astype(np.float32),
      state.params,
    )
  )
  step = jax.jit(update.make_update_step(networks, config))
  _, metrics, _ = step(state, batch)
  policy = training_state.policy_of(state)
  later = batch.extras
  y = 0.5 * batch.reward
  for k in range(_STEPS - 1):
    log_prob = networks.policy.log_prob(
      policy, later.observation[:, k], later.action[:, k]
    )
    ratio = log_prob - networks.policy.uniform_log_prob
    assert jnp.std(ratio) > 0.01
    y += later.weight[:, k] * (
      0.5 * later.reward[:, k] - state.temperature * ratio
    )
  following = networks.value.apply(state.target, batch.next_observation)
  y += config.discount * batch.discount * following
  np.testing.assert_allclose(metrics['target_mean'], jnp.mean(y), rtol=1e-4)
