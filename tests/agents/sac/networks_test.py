"""The networks of SAC: Acme's own where nothing is set, and what options do."""

from acme import specs
from acme.agents.jax import sac as acme_sac
import jax
import numpy as np
import pytest

from quinoa_acme.agents import sac
from quinoa_acme.agents.sac import networks as networks_lib
from quinoa_acme.networks import norms

_SIZES = (16, 8)


@pytest.fixture(autouse=True)
def _acme_may_promote_ranks():
  """Acme's distributions do; they are not ours to change."""
  with jax.numpy_rank_promotion('allow'):
    yield


@pytest.fixture
def spec(make_spec):
  return make_spec(action=specs.BoundedArray((2,), np.float32, -1.0, 1.0))


def _inputs():
  rng = np.random.default_rng(0)
  return [rng.normal(size=(32, n)).astype(np.float32) for n in (3, 2)]


def _apply(networks, seed=0):
  """Parameters of policy and critics, the policy's mode, and the values."""
  observation, action = _inputs()
  key = jax.random.PRNGKey(seed)
  policy, critic = (
    networks.policy_network.init(key),
    networks.q_network.init(key),
  )
  return (
    policy,
    critic,
    networks.sample_eval(
      networks.policy_network.apply(policy, observation), key
    ),
    networks.q_network.apply(critic, observation, action),
  )


def _assert_equal(left, right):
  jax.tree_util.tree_map(np.testing.assert_array_equal, left, right)


def _make(spec, **options):
  return networks_lib.make_networks(
    spec, sac.SACConfig(hidden_sizes=_SIZES, **options)
  )


def test_where_nothing_is_set_they_are_acme_s(spec):
  _assert_equal(
    _apply(_make(spec)), _apply(acme_sac.make_networks(spec, _SIZES))
  )


@pytest.mark.parametrize('number', [1, 3])
def test_each_of_several_critics_is_as_acme_s(spec, number):
  policy, params, _, values = _apply(_make(spec, num_critics=number))
  assert values.shape == (32, number)
  acme_policy, acme_params, _, acme_values = _apply(
    acme_sac.make_networks(spec, _SIZES)
  )
  _assert_equal(policy, acme_policy)
  _assert_equal(values[:, :2], acme_values[:, :number])
  both = params.keys() & acme_params.keys()
  assert len(both) == 3 * min(number, 2)
  for name in both:
    _assert_equal(params[name], acme_params[name])


def test_layer_normalisation_is_in_the_critics_alone(spec):
  networks = _make(spec, critic_norm=norms.LayerNorm())
  policy, params, mode, values = _apply(networks)
  acme = _apply(acme_sac.make_networks(spec, _SIZES))
  _assert_equal((policy, mode), (acme[0], acme[2]))
  # Two hidden layers in each of two critics; the linear ones are as Acme's.
  found = {name for name in params if 'layer_norm' in name}
  assert sorted(params[name]['scale'].shape for name in found) == [
    (8,),
    (8,),
    (16,),
    (16,),
  ]
  _assert_equal({name: params[name] for name in params.keys() - found}, acme[1])
  # A normalised layer does not see how large its inputs are.
  larger = {
    name: {'w': 50.0 * layer['w'], 'b': 50.0 * layer['b']}
    if name.endswith('linear_0')
    else layer
    for name, layer in params.items()
  }
  np.testing.assert_allclose(
    networks.q_network.apply(larger, *_inputs()), values, rtol=1e-2, atol=1e-2
  )
  assert np.ptp(values) > 0.1


def test_residual_blocks_are_of_the_sizes_asked_for(spec):
  blocks = sac.ResidualBlocks(8, 1, 16, 2)
  policy, params, mode, values = _apply(
    _make(spec, layers=blocks, num_critics=1)
  )
  assert values.shape == (32, 1)
  assert mode.shape == (32, 2)

  def wide(tree):
    names = sorted(name for name in tree if '/wide_' in name)
    return [tree[name]['w'].shape for name in names]

  assert wide(policy) == [(8, 32)]
  assert wide(params) == [(16, 64), (16, 64)]
  twice = _apply(_make(spec, layers=blocks))
  assert twice[3].shape == (32, 2)
  assert np.all(twice[3][:, 0] != twice[3][:, 1])


def test_only_networks_of_normalised_observations_have_statistics(spec):
  assert networks_lib.statistics_of(_make(spec)) is None
  networks = _make(spec, observations=sac.NormalisedObservations())
  statistics = networks_lib.statistics_of(networks)
  assert statistics is not None
  _assert_equal(tuple(statistics), (np.zeros(3), np.ones(3)))
