"""What several tests of runs need."""

import threading

import launchpad as lp
import pytest

from quinoa_acme import environments
from quinoa_acme.agents import quinoa
from quinoa_acme.runs import experiment
from quinoa_acme.runs import node as node_lib

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
def stop(monkeypatch) -> threading.Event:
  """Lets nodes run in threads of the test; set, it stops them."""
  stop = threading.Event()
  monkeypatch.setattr(lp, 'stop_event', lambda: stop)
  monkeypatch.setattr(node_lib, 'runs_in_own_process', lambda: False)
  monkeypatch.setattr(node_lib, 'runs_in_cloud', lambda: False)
  return stop
