"""The ends of every option's range: what lies beyond, and an update at each."""

import dataclasses
import functools
import math
import typing

from acme import specs
from acme.utils.loggers import base as loggers_base
import jax
import numpy as np
import pytest

from quinoa_acme import networks as networks_lib
from quinoa_acme.agents import agents
from quinoa_acme.agents import d4pg
from quinoa_acme.agents import quinoa
from quinoa_acme.agents import sac
from quinoa_acme.agents import svg0
from quinoa_acme.agents.common import off_policy
from quinoa_acme.networks.flows import flow
from quinoa_acme.utils import options

_LOW, _HIGH = -1, 1


def _float_names(kind):
  """The fields that are floats, bounds of others first."""
  hints = typing.get_type_hints(kind)
  names = [
    field.name
    for field in dataclasses.fields(kind)
    if hints[field.name] is float
  ]
  return sorted(names, key=lambda name: not name.startswith(('min', 'max')))


def _kinds():
  kinds = set(agents.CONFIGS.values())
  for kind in agents.CONFIGS.values():
    kinds |= {*options.option_types_of(kind).values()}
  return sorted(kinds, key=lambda kind: kind.__name__)


_FIELDS = [
  pytest.param(kind, name, id=f'{kind.__name__}.{name}')
  for kind in _kinds()
  for name in _float_names(kind)
]


@pytest.mark.parametrize(('kind', 'name'), _FIELDS)
def test_what_is_not_finite_in_float32_is_refused(kind, name):
  assert math.isfinite(getattr(kind(), name))
  for number in (1e39, -1e39, math.inf, -math.inf, math.nan):
    with pytest.raises(ValueError, match=r'\w'):
      kind(**{name: number})


def test_there_are_options_to_look_at():
  names = {param.id for param in _FIELDS}
  assert {'TiltedFlowConfig.max_tilt', 'SACConfig.tau'} <= names


def _put(given, path, value):
  """Options with another value, of theirs or of options that they hold."""
  name, *rest = path
  if rest:
    value = _put(getattr(given, name), rest, value)
  return dataclasses.replace(given, **{name: value})


def _paths(given):
  """The paths to all floats, of options and of options that they hold."""
  for field in dataclasses.fields(given):
    value = getattr(given, field.name)
    if dataclasses.is_dataclass(value):
      for path in _paths(value):
        yield (field.name, *path)
  for name in _float_names(type(given)):
    yield (name,)


def _end(given, path, side):
  """The last number that a path takes, all else as it is; by bisection."""

  def is_taken(number):
    try:
      _put(given, path, number)
    except ValueError:
      return False
    return True

  def middle(a, b):
    if a * b > 0:
      return math.copysign(math.sqrt(abs(a)) * math.sqrt(abs(b)), a)
    # Towards zero, by as many powers of ten as it takes.
    far = a if a else b
    return far / 1e10 if abs(far) > 1e-40 else 0.0

  known = functools.reduce(getattr, path, given)
  beyond = side * 1e39
  while (number := middle(known, beyond)) not in (known, beyond):
    if is_taken(number):
      known = number
    else:
      beyond = number
  return known


def _at_ends(config, side):
  """A configuration with each float at one end of what it may then be."""
  for path in _paths(config):
    # The replay's limiter has limits of its own, and no learner sees them.
    if 'samples_per_insert' not in path[0]:
      config = _put(config, path, _end(config, path, side))
  return config


@pytest.mark.parametrize(
  ('given', 'name', 'low', 'high'),
  [
    (quinoa.CriticFit(), 'pessimism', 1e-30, 1e8),
    (quinoa.LikelihoodWeights(), 'least', 0.0, 1.0),
    (quinoa.Polyak(), 'rate', 1e-30, 1.0),
    (quinoa.MultiplierTemperature(), 'initial', 1e-4, 1e4),
    (d4pg.D4PGConfig.debug(), 'max_value', -150.0, 1e8),
    (sac.SACConfig(), 'initial_temperature', 1e-4, 1e4),
    (sac.SACConfig(learning_rate=0.1), 'weight_decay', 0.0, 10.0),
    (d4pg.D4PGConfig.debug(), 'discount', 0.0, 1.0),
  ],
)
def test_an_end_is_the_last_number_that_is_taken(given, name, low, high):
  assert _end(given, [name], _LOW) == pytest.approx(low)
  assert _end(given, [name], _HIGH) == pytest.approx(high)


_SMALL = {**off_policy.SMALL_REPLAY, 'batch_size': 8}
_ENERGY = networks_lib.EnergyFlowConfig(hidden_sizes=(8,))
_TILTED = networks_lib.TiltedFlowConfig(num_couplings=2, hidden_sizes=(8,))


def _quinoa(**changes):
  return quinoa.QuinoaConfig(value_hidden_sizes=(8,), **_SMALL, **changes)


# Each kind of option is in one of them.
_CONFIGS = [
  _quinoa(
    flow=_ENERGY,
    fit=quinoa.DirectFit(weights=quinoa.LikelihoodWeights()),
    returns=quinoa.SoftReturn(num_steps=2, trace=quinoa.CutTrace()),
    temperature=quinoa.MultiplierTemperature(),
    prior=quinoa.LaggedPrior(quinoa.Polyak(), flatness=0.1),
    target=quinoa.CopyEvery(1),
    observations=quinoa.NormalisedObservations(),
  ),
  _quinoa(
    flow=_TILTED,
    fit=quinoa.CriticFit(hidden_sizes=(8,)),
    returns=quinoa.SoftReturn(num_steps=2),
    temperature=quinoa.FixedTemperature(),
    target=quinoa.Polyak(),
  ),
  _quinoa(
    flow=_TILTED,
    fit=quinoa.DirectFit(),
    returns=quinoa.OneStep(),
    temperature=quinoa.DualTemperature(),
    prior=quinoa.LaggedPrior(quinoa.CopyEvery(2**31 - 1)),
    target=quinoa.CopyEvery(2**31 - 1),
  ),
  _quinoa(
    flow=_ENERGY,
    fit=quinoa.DirectFit(num_actions=2),
    returns=quinoa.OneStep(),
    temperature=quinoa.HeldQTemperature(),
  ),
  *(
    svg0.SVG0Config(
      policy=policy,
      critic_hidden_sizes=(8,),
      num_actions=2,
      regularisation=regularisation,
      **_SMALL,
    )
    for policy, regularisation in (
      (svg0.ClippedGaussianConfig(hidden_sizes=(8,)), svg0.KLRegularisation()),
      (
        svg0.SquashedGaussianConfig(hidden_sizes=(8,)),
        svg0.EntropyRegularisation(),
      ),
    )
  ),
  sac.SACConfig(hidden_sizes=(8,), **_SMALL),
  sac.SACConfig(
    layers=sac.ResidualBlocks(8, 1, 8, 1),
    observations=sac.NormalisedObservations(),
    weight_decay=0.01,
    **_SMALL,
  ),
  d4pg.D4PGConfig(policy_hidden_sizes=(8,), critic_hidden_sizes=(8,), **_SMALL),
]


def _parts(given):
  """The options, and the options that they hold."""
  yield given
  for field in dataclasses.fields(given):
    value = getattr(given, field.name)
    if dataclasses.is_dataclass(value):
      yield from _parts(value)


def test_each_option_of_a_learner_is_tried_at_its_ends():
  tried = {type(part) for config in _CONFIGS for part in _parts(config)}
  # Those of flows and Gaussians are tried by their own tests.
  networks = (flow.ModuleConfig, flow.CouplingsConfig)
  missing = [
    kind.__name__
    for kind in _kinds()
    if _float_names(kind) and not issubclass(kind, networks)
  ]
  assert {*missing} <= {kind.__name__ for kind in tried}


@pytest.mark.slow
@pytest.mark.parametrize('side', [_LOW, _HIGH], ids=['low', 'high'])
@pytest.mark.parametrize('config', _CONFIGS)
def test_updates_at_the_ends_are_finite(
  config, side, make_spec, make_batch, as_samples
):
  config = _at_ends(config, side)
  spec = make_spec(
    action=specs.BoundedArray((2,), np.float32, -1.0, 1.0, 'action')
  )
  agent = agents.make_agent(config)
  batches = [
    make_batch(spec, config.samples_per_step, seed, config.window)
    for seed in range(2)
  ]
  with jax.numpy_rank_promotion('allow'):
    learner = agent.make_builder(spec, loggers_base.NoOpLogger).make_learner(
      jax.random.PRNGKey(0), agent.make_networks(spec), as_samples(batches)
    )
    for _ in batches:
      learner.step()
    [params] = learner.get_variables(['policy'])
  for leaf in jax.tree_util.tree_leaves(params):
    assert np.isfinite(leaf).all()
