"""Shared by all tests: strict JAX, small specs, networks and environments."""

import os

# Compiling takes most of the tests' time, and the programs are small: to split
# them among threads takes longer than it saves. Scripts that tests start
# inherit all of it.
os.environ['XLA_FLAGS'] = (
  '--xla_backend_optimization_level=1 '
  '--xla_cpu_parallel_codegen_split_count=1 '
  f'{os.environ.get("XLA_FLAGS", "")}'
)
os.environ['JAX_DISABLE_MOST_OPTIMIZATIONS'] = 'true'

import quinoa_acme  # noqa: F401, I001  Binds what Acme needs of JAX first.

import collections
from collections.abc import Callable
import dataclasses
import gc
from typing import Any

import dm_env
import jax
from matplotlib import figure as figure_lib
import numpy as np
import pytest

from quinoa_acme import networks as networks_lib
from quinoa_acme.data import replay as replay_lib
from quinoa_acme.data import transitions
from quinoa_acme.agents import quinoa
from quinoa_acme.agents import registry
from quinoa_acme.networks.flows import flow_registry
from quinoa_acme.utils import common_types as types
from quinoa_acme.utils import specs
from quinoa_acme.utils import user_modules

# No operand's rank is raised in silence: [B] and [B, 1] never meet.
jax.config.update('jax_numpy_rank_promotion', 'raise')


def pytest_collection_modifyitems(
  config: pytest.Config, items: list[pytest.Item]
) -> None:
  """What takes longest begins first, so that no worker is left with it."""
  if not hasattr(config, 'workerinput'):
    return
  weights = collections.Counter()
  for item in items:
    is_slow = item.get_closest_marker('slow') is not None
    weights[item.path] += 100 if is_slow else 1
  items.sort(key=lambda item: -weights[item.path])


def pytest_collection_finish() -> None:
  """The collector of cycles does not look at what stays for all tests.

  Tracing makes many objects, and would have it look often.
  """
  gc.collect()
  gc.freeze()
  gc.set_threshold(10_000, 20, 50)


def pytest_runtest_setup(item: pytest.Item) -> None:
  """Before its fixtures: a test that computes for long is worth compiling."""
  computes = item.get_closest_marker('computes') is not None
  jax.config.update('jax_disable_most_optimizations', not computes)


@pytest.fixture(autouse=True, scope='session')
def _compile_once(tmp_path_factory):
  """Programs that several tests compile are compiled by the first.

  Also those of the scripts that tests start: they inherit the variables.
  """
  base = tmp_path_factory.getbasetemp()
  # A worker's folder is in that of all.
  shared = base.parent if 'PYTEST_XDIST_WORKER' in os.environ else base
  cache = shared / 'xla'
  for name, value in (
    ('jax_compilation_cache_dir', str(cache)),
    # A small program takes 35 ms to compile, and 4 to write.
    ('jax_persistent_cache_min_compile_time_secs', 0.0),
    ('jax_persistent_cache_min_entry_size_bytes', -1),
  ):
    jax.config.update(name, value)
    os.environ[name.upper()] = str(value)


def _make_spec(
  observation: Any = None, action: specs.Array | None = None
) -> specs.EnvironmentSpec:
  return specs.EnvironmentSpec(
    observations=observation or specs.Array((3,), np.float32, 'observation'),
    actions=action
    or specs.BoundedArray((2,), np.float32, [-1, -2], [2, 5], 'action'),
    rewards=specs.Array((), np.float32, 'reward'),
    discounts=specs.BoundedArray((), np.float32, 0.0, 1.0, 'discount'),
  )


@pytest.fixture
def registers():
  """Agents and flows that a test registers are gone after it."""
  known = (
    registry._registrations,
    registry._presets,
    registry._configs,
    flow_registry._kinds,
  )
  before = [dict(register) for register in known]
  yield
  for register, entries in zip(known, before, strict=True):
    register.clear()
    register.update(entries)
  # A file that registered is run again by the next test that names it.
  user_modules._run.cache_clear()


@pytest.fixture(scope='session')
def make_spec() -> Callable[..., specs.EnvironmentSpec]:
  """Makes specs: three observed numbers and a lopsided box, if not given."""
  return _make_spec


@pytest.fixture(scope='session')
def tiny_config() -> quinoa.QuinoaConfig:
  """The default algorithm, as small as it can be."""
  return dataclasses.replace(
    quinoa.QuinoaConfig.debug(),
    flow=networks_lib.TiltedFlowConfig(num_couplings=2, hidden_sizes=(8,)),
    value_hidden_sizes=(8,),
    fit=quinoa.CriticFit(hidden_sizes=(8,), num_actions=2),
    batch_size=16,
    num_sgd_steps_per_step=1,
    learning_rate=1e-2,
  )


def _make_networks(
  spec: specs.EnvironmentSpec, config: quinoa.QuinoaConfig
) -> quinoa.QuinoaNetworks:
  return quinoa.QuinoaAgent(config).make_networks(spec)


@pytest.fixture(scope='session')
def make_networks() -> Callable[..., quinoa.QuinoaNetworks]:
  """Makes the networks of a config for specs."""
  return _make_networks


def _draw(spec: Any, rng: np.random.Generator, size: int) -> np.ndarray:
  shape = (size, *spec.shape)
  if isinstance(spec, specs.BoundedArray):
    values = rng.uniform(spec.minimum, spec.maximum, shape)
  else:
    values = rng.normal(0.0, 2.0, shape)
  return values.astype(spec.dtype)


def _make_batch(
  spec: specs.EnvironmentSpec, size: int, seed: int = 0, window: int = 1
) -> types.Transition:
  rng = np.random.default_rng(seed)
  example = transitions.make_spec(spec, window)

  def draw(part):
    return jax.tree_util.tree_map(lambda leaf: _draw(leaf, rng, size), part)

  parts = {
    name: draw(getattr(example, name))
    for name in ('observation', 'action', 'reward', 'next_observation')
  }
  extras = draw(example.extras)
  if window > 1:
    extras = extras._replace(weight=np.ones_like(extras.weight))
  discount = np.ones(size, spec.discounts.dtype)
  return type(example)(**parts, discount=discount, extras=extras)


@pytest.fixture(scope='session')
def make_batch() -> Callable[..., types.Transition]:
  """Makes a batch of random transitions: `make_batch(spec, size, seed)`.

  With `window=3` they are over three steps.
  """
  return _make_batch


@pytest.fixture(scope='session')
def as_samples() -> Callable[..., Any]:
  """Wraps batches as a Reverb dataset gives them."""

  def as_samples(batches):
    return (replay_lib.ReplaySample(info=None, data=batch) for batch in batches)

  return as_samples


@pytest.fixture
def saved_figures(monkeypatch) -> list[figure_lib.Figure]:
  """The figures that were saved, which a picture does not tell apart."""
  figures = []
  save = figure_lib.Figure.savefig

  def savefig(figure, *args, **kwargs):
    figures.append(figure)
    return save(figure, *args, **kwargs)

  monkeypatch.setattr(figure_lib.Figure, 'savefig', savefig)
  return figures


def _perturb(params: Any, key: jax.Array, scale: Any) -> Any:
  leaves, structure = jax.tree_util.tree_flatten(params)
  keys = jax.random.split(key, len(leaves))
  noisy = [
    leaf + scale * jax.random.normal(leaf_key, leaf.shape)
    for leaf, leaf_key in zip(leaves, keys, strict=True)
  ]
  return jax.tree_util.tree_unflatten(structure, noisy)


@pytest.fixture(scope='session')
def perturb() -> Callable[..., Any]:
  """Adds noise to every parameter: `perturb(params, key, scale)`."""
  return _perturb


class PointMass(dm_env.Environment):
  """A mass on a line, pushed towards the origin for 50 steps.

  It starts at rest at -1 or at 1, and is paid near to the origin.
  """

  def __init__(self, seed: int, num_steps: int = 50):
    self._rng = np.random.default_rng(seed)
    self._num_steps = num_steps
    self._step = 0
    self._position = self._velocity = 0.0

  def reset(self) -> dm_env.TimeStep:
    self._step = 0
    self._position = float(self._rng.choice([-1.0, 1.0]))
    self._velocity = 0.0
    return dm_env.restart(self._observe())

  def step(self, action) -> dm_env.TimeStep:
    assert action.shape == (1,)
    assert -1.0 <= action[0] <= 1.0
    self._step += 1
    self._velocity = 0.8 * self._velocity + 0.1 * float(action[0])
    self._position = float(np.clip(self._position + self._velocity, -2, 2))
    reward = np.float32(np.exp(-8.0 * self._position**2))
    if self._step == self._num_steps:
      return dm_env.truncation(reward, self._observe(), np.float32(1.0))
    return dm_env.transition(reward, self._observe(), np.float32(1.0))

  def observation_spec(self) -> specs.Array:
    return specs.Array((2,), np.float32, 'observation')

  def action_spec(self) -> specs.BoundedArray:
    return specs.BoundedArray((1,), np.float32, -1.0, 1.0, 'action')

  def reward_spec(self) -> specs.Array:
    return specs.Array((), np.float32, 'reward')

  def discount_spec(self) -> specs.BoundedArray:
    return specs.BoundedArray((), np.float32, 0.0, 1.0, 'discount')

  def _observe(self) -> np.ndarray:
    return np.array([self._position, 5 * self._velocity], np.float32)


@pytest.fixture(scope='session')
def point_mass() -> type[PointMass]:
  """The class of the small control task, which is made with a seed."""
  return PointMass
