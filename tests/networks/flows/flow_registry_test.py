"""A flow is three pure functions and its options, whoever wrote it."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from quinoa_acme import networks as networks_lib
from quinoa_acme.agents import quinoa
from quinoa_acme.networks.flows import flow_registry
from quinoa_acme.utils import options

pytestmark = pytest.mark.usefixtures('registers')

_BOX = networks_lib.Box(
  np.array([-1, 0], np.float32), np.array([1, 4], np.float32), shape=(2,)
)


@dataclasses.dataclass(frozen=True)
class TentConfig:
  """u**(k - 1), times k, in each dimension; k = 1 + a bounded weight."""

  steepness: float = 2.0
  kinks: tuple[int, ...] = (1, 2)

  def make(self, box):
    def init(key, observation, point):
      del key, point
      return {'w': jnp.zeros((observation.shape[-1], box.num_dimensions))}

    def power(params, observation, temperature):
      logits = observation @ params['w'] / temperature
      return 1.0 + self.steepness * jax.nn.sigmoid(logits)

    def log_prob(params, observation, point, temperature=1.0):
      k = power(params, observation, temperature)
      unit = jnp.maximum(box.to_unit(point), 1e-6)
      k = jnp.broadcast_to(k, unit.shape)
      return jnp.sum(jnp.log(k) + (k - 1) * jnp.log(unit), -1) - box.log_volume

    def sample_and_log_prob(params, key, observation, num, temperature=1.0):
      k = power(params, observation, temperature)
      uniform = jax.random.uniform(key, (num, *k.shape))
      point = box.from_unit(uniform ** jnp.broadcast_to(1 / k, uniform.shape))
      return point, log_prob(params, observation, point, temperature)

    return networks_lib.ConditionalFlow(init, sample_and_log_prob, log_prob)


def _perturbed(flow, key, observation, point):
  params = flow.init(key, observation, point)
  return jax.tree_util.tree_map(lambda x: x + 0.1, params)


def test_three_functions_are_a_policy(make_spec, make_batch):
  flow_registry.register(TentConfig)
  spec = make_spec()
  policy = quinoa.make_networks(spec, flow=TentConfig()).policy
  batch = make_batch(spec, 4)
  key = jax.random.PRNGKey(0)
  params = _perturbed(policy, key, batch.observation, batch.action)
  at = quinoa.PolicyVariables(params, jnp.asarray(0.5))
  assert policy.sample(at, key, batch.observation).shape == (4, 2)
  assert policy.soft_value is None

  action, log_prob = policy.draw(at, key, batch.observation, 8)
  assert action.shape == (8, 4, 2)
  np.testing.assert_allclose(
    log_prob, policy.log_prob(at, batch.observation, action), rtol=1e-5
  )

  # The gradient is that of `log_prob` at actions that stay where they are.
  def drawn(at):
    return jnp.sum(policy.draw(at, key, batch.observation, 8)[1])

  def given(at):
    return jnp.sum(policy.log_prob(at, batch.observation, action))

  found, expected = jax.grad(drawn)(at), jax.grad(given)(at)
  assert np.any(np.asarray(found.params['w']))
  np.testing.assert_allclose(found.temperature, expected.temperature, rtol=1e-5)
  np.testing.assert_allclose(found.params['w'], expected.params['w'], rtol=1e-5)

  # A greedy action, the same each time, at which the density is high.
  mode = policy.mode(at, batch.observation)
  np.testing.assert_array_equal(mode, policy.mode(at, batch.observation))
  best = policy.log_prob(at, batch.observation, mode)
  assert np.all(best > np.mean(log_prob, axis=0))

  fresh = policy.evaluate(at, key, batch.observation, batch.action[None], 8)
  np.testing.assert_array_equal(fresh.fresh_action, action)
  assert fresh.log_prob.shape == (1, 4)


def test_options_know_it_once_it_is_registered():
  with pytest.raises(ValueError, match=r'register .* by flows\.register'):
    quinoa.QuinoaConfig(flow=TentConfig())
  assert flow_registry.register(TentConfig) is TentConfig
  text = 'TentConfig(steepness=3, kinks=(4,))'
  config = options.replace(quinoa.QuinoaConfig(), {'flow': text})
  assert config.flow == TentConfig(3.0, (4,))
  plain = json.loads(json.dumps(options.to_plain(config)))
  assert options.from_plain(plain, quinoa.QuinoaConfig) == config
  with pytest.raises(ValueError, match="did you mean 'TentConfig'"):
    options.replace(quinoa.QuinoaConfig(), {'flow': 'TintConfig()'})
  # What is no flow of its own is not taken for the one that it is made of.
  heir = dataclasses.make_dataclass(
    'Heir', [], bases=(TentConfig,), frozen=True
  )
  with pytest.raises(ValueError, match='expected one of'):
    quinoa.QuinoaConfig(flow=heir())


def test_a_flow_that_is_not_registered_is_not_read(tmp_path):
  flow_registry.register(TentConfig)
  plain = options.to_plain(quinoa.QuinoaConfig(flow=TentConfig()))
  del flow_registry._kinds['TentConfig']
  with pytest.raises(ValueError, match=r"TiltedFlowConfig.*, not 'TentConfig'"):
    options.from_plain(plain, quinoa.QuinoaConfig)


@dataclasses.dataclass(frozen=True)
class Makes:
  make: int = 3


@pytest.mark.parametrize(
  ('kind', 'error', 'message'),
  [
    (TentConfig(), TypeError, 'expected a frozen dataclass'),
    (str, TypeError, "expected a frozen dataclass, but got <class 'str'>"),
    (Makes, TypeError, r'Makes needs a method make\(box\)'),
    (
      dataclasses.make_dataclass('TiltedFlowConfig', [], frozen=True),
      TypeError,
      'needs a method make',
    ),
    (
      dataclasses.make_dataclass(
        'TiltedFlowConfig', [], bases=(TentConfig,), frozen=True
      ),
      ValueError,
      "a flow 'TiltedFlowConfig' exists already, from quinoa_acme",
    ),
  ],
)
def test_what_is_no_flow_is_refused(kind, error, message):
  with pytest.raises(error, match=message):
    flow_registry.register(kind)


_SHAPE = {'num_couplings': 2, 'hidden_sizes': (4,)}
_OURS = (
  networks_lib.RealNVPConfig(**_SHAPE),
  networks_lib.TiltedFlowConfig(**_SHAPE),
  networks_lib.AdditiveFlowConfig(**_SHAPE),
  networks_lib.SplineFlowConfig(**_SHAPE, num_bins=2),
  networks_lib.EnergyFlowConfig(hidden_sizes=(4,)),
)


def test_all_of_ours_are_here():
  # Other tests may have registered flows of their own.
  registered = {
    kind
    for kind in flow_registry._kinds.values()
    if kind.__module__.startswith('quinoa_acme.')
  }
  assert registered == {type(config) for config in _OURS}


@pytest.mark.slow
@pytest.mark.parametrize('config', _OURS, ids=lambda x: type(x).__name__)
def test_ours_keep_what_a_flow_promises(config):
  flow = config.make(_BOX)
  observation = jnp.linspace(-1.0, 1.0, 12).reshape(4, 3)
  point = jnp.full((4, 2), 0.5)
  key = jax.random.PRNGKey(0)
  params = _perturbed(flow, key, observation, point)
  functions = {
    name: jax.jit(getattr(flow, name), static_argnames='num_samples')
    for name in ('sample_and_log_prob', 'draw')
  }
  found, log_prob = functions['sample_and_log_prob'](
    params, key, observation, num_samples=5
  )
  assert found.shape == (5, 4, 2)
  inside = (np.asarray(found) >= _BOX.low) & (np.asarray(found) <= _BOX.high)
  assert np.all(inside)
  np.testing.assert_allclose(
    log_prob, flow.log_prob(params, observation, found), atol=1e-3
  )
  # The same draws, given; and the temperature is 1 if it is not given.
  drawn, _ = functions['draw'](
    params, key, observation, num_samples=5, temperature=1.0
  )
  np.testing.assert_array_equal(found, drawn)
  at_once = flow.evaluate(params, key, observation, point[None], 5)
  np.testing.assert_allclose(at_once.fresh_point, drawn, atol=1e-5)
  assert flow.mode(params, observation).shape == (4, 2)
  gives_value = isinstance(config, networks_lib.EnergyFlowConfig)
  assert (flow.soft_value is not None) == gives_value
  if gives_value:
    np.testing.assert_allclose(
      at_once.soft_value, flow.soft_value(params, observation), rtol=1e-5
    )
