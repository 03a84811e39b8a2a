"""Tests of Acme's local layout with a configuration's numbers."""

import dataclasses

from acme import environment_loop
from acme import specs
from acme.utils import counting
from acme.utils import loggers
import pytest

from quinoa_acme.agents import quinoa
from quinoa_acme.agents.common import layouts


def _make(config, make_networks, environment, counter=None):
  spec = specs.make_environment_spec(environment)
  networks = make_networks(spec, config)
  return layouts.make_local_layout(
    config,
    spec,
    quinoa.QuinoaBuilder,
    networks,
    quinoa.make_policy(networks),
    counter=counter,
  )


@pytest.mark.slow
def test_it_keeps_the_ratio_and_never_waits(
  make_networks, point_mass, tiny_config
):
  # As with the default, a learner call takes more than replay asks for, and
  # more than its limiter lets be ahead.
  config = dataclasses.replace(
    tiny_config,
    min_replay_size=60,
    samples_per_insert=16.0,
    samples_per_insert_tolerance=0.1,
    num_sgd_steps_per_step=5,
  )
  environment, counter = point_mass(0), counting.Counter()
  agent = _make(config, make_networks, environment, counter)
  loop = environment_loop.EnvironmentLoop(
    environment, agent, logger=loggers.NoOpLogger()
  )
  loop.run(num_steps=200)
  # One SGD step an environment step, in calls of five, from the 80th on.
  assert counter.get_counts()['steps'] == 125


def test_a_ratio_that_the_layout_would_round_is_refused(
  make_networks, point_mass, tiny_config
):
  # 1.5 environment steps a call.
  config = dataclasses.replace(tiny_config, samples_per_insert=32 / 3)
  with pytest.raises(ValueError, match='a whole number'):
    _make(config, make_networks, point_mass(0))
