"""Acme's plain layout is refused, unless nothing could make it wait."""

import dataclasses

from acme import environment_loop
from acme import specs
from acme.agents.jax import normalization
from acme.jax.layouts import local_layout
from acme.utils import loggers
import pytest

from quinoa_acme.agents import agents
from quinoa_acme.agents import d4pg
from quinoa_acme.agents import quinoa
from quinoa_acme.agents import sac
from quinoa_acme.agents import svg0

_CONFIGS = [
  quinoa.QuinoaConfig(),
  svg0.SVG0Config(),
  sac.SACConfig(),
  d4pg.D4PGConfig(),
]


def _make_plainly(config, spec, wrap=lambda builder: builder):
  agent = agents.make_agent(config)
  networks = agent.make_networks(spec)
  builder = wrap(agent.make_builder(spec, loggers.NoOpLogger))
  return local_layout.LocalLayout(
    0,
    spec,
    builder,
    networks,
    agent.make_policy(networks),
    workdir=None,
    min_replay_size=32,
    samples_per_insert=32.0,
    batch_size=32,
  )


@pytest.mark.parametrize('config', _CONFIGS, ids=lambda x: type(x).__name__)
def test_acme_s_plain_layout_is_refused_at_once(config, point_mass):
  spec = specs.make_environment_spec(point_mass(0))
  name = type(config).__name__.replace('Config', 'Builder')
  with pytest.raises(ValueError, match=f'{name} .* would wait forever') as e:
    _make_plainly(config, spec)
  # The two ways out.
  assert 'quinoa_acme.make_local_layout(' in str(e.value)
  assert 'samples_per_insert_tolerance=1e9' in str(e.value)


def test_a_builder_within_another_is_refused_too(point_mass):
  spec = specs.make_environment_spec(point_mass(0))
  config = quinoa.QuinoaConfig(returns=quinoa.OneStep())

  def wrap(builder):
    return normalization.NormalizationBuilder(
      builder, spec, is_sequence_based=False, batch_dims=None
    )

  with pytest.raises(ValueError, match=r'QuinoaBuilder .* wait forever'):
    _make_plainly(config, spec, wrap)


@pytest.mark.slow
def test_without_a_limiter_a_plain_layout_learns(tiny_config, point_mass):
  # The second way out.
  config = dataclasses.replace(
    tiny_config, min_replay_size=1, samples_per_insert_tolerance=1e9
  )
  environment = point_mass(0)
  agent = _make_plainly(config, specs.make_environment_spec(environment))
  loop = environment_loop.EnvironmentLoop(
    environment, agent, logger=loggers.NoOpLogger()
  )
  loop.run(num_steps=60)
  [variables] = agent.get_variables(['policy'])
  assert variables
