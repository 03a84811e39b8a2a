"""The cloud's side of a launch, up to the cloud itself."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

# Tests import these: it takes seconds, in each worker that only collects them.
if TYPE_CHECKING:
  from xmanager.xm import job_blocks


@pytest.fixture
def account(monkeypatch):
  """An account of Google Cloud, and no docker."""
  from google import auth
  from xmanager.cloud import docker_lib

  monkeypatch.setenv('GOOGLE_CLOUD_BUCKET_NAME', 'bucket')
  monkeypatch.setattr(auth, 'default', lambda: (None, 'project'))
  monkeypatch.setattr(docker_lib, 'is_docker_installed', lambda: False)


class _Experiment:
  """Takes what xmanager would build and send."""

  def __init__(self):
    self.containers = []
    self.jobs = {}

  def package(self, packageables):
    self.containers.extend(x.executable_spec for x in packageables)
    return [x.executable_spec for x in packageables]

  def add(self, group: job_blocks.JobGroup):
    self.jobs = group.jobs


@pytest.fixture
def cloud(account, monkeypatch) -> _Experiment:
  """The cloud's side of a launch."""
  from launchpad.launch.xm_docker import launch as launch_xm_docker
  from xmanager import xm_local

  taken = _Experiment()

  @contextlib.contextmanager
  def create_experiment(experiment_title):
    assert experiment_title == 'quinoa'
    yield taken

  monkeypatch.setattr(xm_local, 'create_experiment', create_experiment)
  # Launchpad sets handlers of signals for good.
  monkeypatch.setattr(
    launch_xm_docker.signal_handling, 'exit_gracefully_on_sigint', lambda: None
  )
  monkeypatch.setattr(
    launch_xm_docker.signal_handling, 'exit_gracefully_on_sigquit', lambda: None
  )
  return taken
