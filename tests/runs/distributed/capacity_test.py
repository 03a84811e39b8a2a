"""More actors than a machine holds are refused, with how many it does."""

import dataclasses
import os
import pathlib
import re

import pytest

from quinoa_acme import environments
from quinoa_acme.agents import quinoa
from quinoa_acme.runs import experiment
from quinoa_acme.runs import running
from quinoa_acme.runs.distributed import capacity


@pytest.fixture
def config(tmp_path) -> experiment.ExperimentConfig:
  return experiment.ExperimentConfig(
    agent=quinoa.QuinoaConfig.debug(),
    environment_factory=environments.EnvironmentFactory(
      'control:cartpole:swingup'
    ),
    env_name='control:cartpole:swingup',
    workdir=str(tmp_path / 'run'),
    num_steps=1000,
  )


@pytest.mark.parametrize('launch_type', ['local_mp', 'local_mt', 'test_mt'])
def test_too_many_actors_are_refused(launch_type, config):
  capacity.check_actors(config, launch_type)
  many = dataclasses.replace(config, num_actors=10_000_000)
  with pytest.raises(
    ValueError, match=r'^num_actors is 10,000,000, but'
  ) as error:
    capacity.check_actors(many, launch_type)
  most = re.search(r'holds at most ([\d,]+) now', str(error.value))
  assert most is not None
  number = int(most[1].replace(',', ''))
  assert number >= 1
  # Half of it, since others start and end meanwhile.
  fewer = dataclasses.replace(config, num_actors=max(number // 2, 1))
  capacity.check_actors(fewer, launch_type)


def test_a_refused_run_leaves_nothing(config, tmp_path):
  many = dataclasses.replace(config, num_actors=10_000_000)
  with pytest.raises(running.RefusedError, match='num_actors is'):
    running.run(many, 'local_mp')
  assert not list(tmp_path.iterdir())


def test_a_container_s_limits_count(monkeypatch, tmp_path):
  (tmp_path / 'pids.max').write_text('100\n')
  (tmp_path / 'pids.current').write_text('60\n')
  monkeypatch.setattr(capacity, '_CGROUPS', tmp_path)
  assert capacity.free_threads() == 40
  (tmp_path / 'pids.max').write_text('max\n')
  assert capacity.free_threads() > 40


def test_the_machine_s_threads_are_counted():
  threads = len(os.listdir('/proc/self/task'))
  limit = int(pathlib.Path('/proc/sys/kernel/pid_max').read_text())
  assert 0 < capacity.free_threads() <= limit - threads
