"""The paper's parts, small, and batches for them."""

import dataclasses

import pytest

from quinoa_acme import networks as networks_lib
from quinoa_acme.agents import quinoa


@pytest.fixture(scope='module')
def config(tiny_config):
  """The paper's parts, small: each of them moves within a few steps."""
  return dataclasses.replace(
    tiny_config,
    flow=networks_lib.RealNVPConfig(num_couplings=2, hidden_sizes=(8,)),
    fit=quinoa.DirectFit(),
    returns=quinoa.OneStep(),
    temperature=quinoa.DualTemperature(0.1),
    prior=quinoa.LaggedPrior(quinoa.CopyEvery(3), flatness=0.1),
    target=quinoa.CopyEvery(2),
  )


@pytest.fixture(scope='module')
def networks(make_spec, make_networks, config):
  return make_networks(make_spec(), config)


@pytest.fixture(scope='module')
def batches(make_spec, make_batch):
  return [make_batch(make_spec(), 16, seed) for seed in range(8)]


@pytest.fixture(scope='module')
def windows(make_spec, make_batch, tiny_config):
  """Batches over the steps that the default's targets are over."""
  window = tiny_config.window
  return [make_batch(make_spec(), 16, seed, window) for seed in range(3)]
