"""Tests of Acme's D4PG: its options, and its exploration."""

from acme import specs
from acme.agents.jax import d4pg as acme_d4pg
from acme.utils.loggers import base as loggers_base
import jax
import numpy as np
import pytest

from quinoa_acme.agents import agents
from quinoa_acme.agents import d4pg
from quinoa_acme.agents.common import choices

_ACTIONS = specs.BoundedArray((2,), np.float32, -1.0, 1.0)


@pytest.fixture(autouse=True)
def _acme_may_promote_ranks():
  """Acme's networks do; they are not ours to change."""
  with jax.numpy_rank_promotion('allow'):
    yield


def test_the_actors_noise_is_cut_at_the_box(make_spec):
  spec = make_spec(action=_ACTIONS)
  agent = agents.make_agent(d4pg.D4PGConfig(sigma=0.5))
  assert isinstance(agent, d4pg.D4PGAgent)
  networks = agent.make_networks(spec)
  params = networks.policy_network.init(jax.random.PRNGKey(0))
  observation = np.ones((2000, 3), np.float32)
  key = jax.random.PRNGKey(1)
  mode = agent.make_evaluation_policy(networks)(params, key, observation)
  np.testing.assert_array_equal(mode, mode[:1].repeat(2000, axis=0))
  noise = agent.make_policy(networks)(params, key, observation) - mode
  # Near to zero at the start, so that the box is two deviations away.
  assert np.abs(mode).max() < 0.1
  assert np.abs(mode + noise).max() == 1.0
  inside = np.abs(mode + noise) < 0.8
  # Of a normal cut off at 1.6 deviations: 0.77 of its deviation.
  assert np.std(noise[inside]) == pytest.approx(0.5 * 0.77, rel=0.05)
  with pytest.raises(ValueError, match=r'by Sample\(\) or BaseMode\(\)'):
    agent.make_policy(networks, choices.MostLikely())


def test_what_is_no_option_is_as_in_acme(make_spec):
  """The learner of the default configuration is Acme's default one."""
  builder = d4pg.D4PGAgent(d4pg.D4PGConfig()).make_builder(
    make_spec(action=_ACTIONS), loggers_base.NoOpLogger
  )
  ours, acmes = vars(builder._config), vars(acme_d4pg.D4PGConfig())
  # The pace and the calls are those of all agents of the package.
  assert {name for name in acmes if ours[name] != acmes[name]} == {
    'samples_per_insert',
    'num_sgd_steps_per_step',
    'prefetch_size',
  }


@pytest.mark.parametrize(
  ('options', 'message'),
  [
    ({'learning_rate': 0.0}, r'learning_rate must be in \(0, 1\]'),
    ({'sigma': -1.0}, 'sigma must be finite and >= 0'),
    ({'transitions_per_item': 2}, 'must be 1 for D4PGConfig, but is 2'),
    ({'n_step': 0}, 'n_step must be a whole number of at least 1'),
    ({'num_atoms': 1}, 'num_atoms must be a whole number of at least 2'),
    ({'min_value': 150.0}, 'min_value must be below max_value'),
    (
      {'max_value': np.inf},
      r'max_value must be in \[-1e\+08, 1e\+08\], but is inf',
    ),
    ({'target_update_period': 0}, 'target_update_period must be a whole'),
    ({'discount': 1.0}, r'discount must be in \[0, 1\)'),
  ],
)
def test_options_of_no_sense_are_refused(options, message):
  with pytest.raises(ValueError, match=message):
    d4pg.D4PGConfig(**options)
