"""What several tests of runs need."""

import threading
from typing import Any

import courier
import jax
import launchpad as lp
from launchpad.nodes.courier import courier_utils
import numpy as np
import pytest

from quinoa_acme import environments
from quinoa_acme.agents import quinoa
from quinoa_acme.runs import experiment
from quinoa_acme.runs.distributed import node as node_lib

_NAME = 'control:cartpole:balance'


@pytest.fixture
def config(tmp_path) -> experiment.ExperimentConfig:
  """A run of a tiny agent, with two actors."""
  return experiment.ExperimentConfig(
    agent=quinoa.QuinoaConfig.debug(),
    environment_factory=environments.EnvironmentFactory(_NAME),
    env_name=_NAME,
    workdir=str(tmp_path),
    num_steps=1000,
    num_actors=2,
  )


@pytest.fixture
def serve():
  """Serves an object by Courier, and gives a client of it."""
  servers_made = []

  def serve_one(instance: Any) -> courier.Client:
    server = courier_utils.make_courier_server(instance, port=None)
    server.Start()
    servers_made.append(server)
    return courier.Client(f'localhost:{server.port}')

  yield serve_one
  for server in servers_made:
    server.Stop()


@pytest.fixture
def stop(monkeypatch) -> threading.Event:
  """Lets nodes run in threads of the test; set, it stops them."""
  stop = threading.Event()
  monkeypatch.setattr(lp, 'stop_event', lambda: stop)
  monkeypatch.setattr(node_lib, 'runs_in_own_process', lambda: False)
  monkeypatch.setattr(node_lib, 'runs_in_cloud', lambda: False)
  return stop


class _PolicySource:
  """Serves policy parameters that tell how often they were asked for."""

  def __init__(self, networks: quinoa.QuinoaNetworks):
    self._networks = networks
    self.requests = 0

  def get_variables(self, names):
    self.requests += 1
    params = self._networks.policy.init(
      jax.random.PRNGKey(0),
      self._networks.example_observation,
      self._networks.example_action,
    )
    params = jax.device_get(params)
    return [quinoa.PolicyVariables(params, np.float32(0.1)) for _ in names]


@pytest.fixture
def policy_source(config) -> _PolicySource:
  """What a node takes the parameters of the config's policy from."""
  return _PolicySource(config.make_agent().make_networks(config.make_spec()))
