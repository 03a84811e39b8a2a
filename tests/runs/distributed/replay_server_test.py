"""Tests of the replay that the learner's process serves."""

import dataclasses
import os
import pathlib
import socket

import numpy as np
import pytest
import reverb
import waiting

from quinoa_acme.agents import quinoa
from quinoa_acme.runs.checkpoints import replay_checkpoints
from quinoa_acme.runs.distributed import failures
from quinoa_acme.runs.distributed import replay_server

pytestmark = pytest.mark.usefixtures('stop')


def _fill(config, client: reverb.Client) -> None:
  environment = config.environment_factory(0)
  adder = quinoa.QuinoaBuilder(config.agent).make_adder(client)
  assert adder is not None
  adder.add_first(environment.reset())
  action = np.zeros(environment.action_spec().shape, np.float32)
  for _ in range(20):
    adder.add(action, environment.step(action))
  adder.reset()


def _size(server: replay_server.ReplayServer) -> int:
  [table] = server.client.server_info().values()
  return table.current_size


def _make(config) -> replay_server.ReplayServer:
  failures.clear(config.workdir)
  return replay_server.ReplayServer(config, 'localhost', None)


def test_what_is_saved_at_the_end_is_there_at_the_next_start(config):
  server = _make(config)
  _fill(config, server.client)
  size = _size(server)
  assert size > 0
  server.close()
  server.check()
  assert _size(_make(config)) == size


def test_without_checkpoints_the_next_start_is_empty(config):
  config = dataclasses.replace(
    config, replay_checkpoints=replay_checkpoints.NoReplayCheckpoints()
  )
  server = _make(config)
  _fill(config, server.client)
  server.close()
  assert _size(_make(config)) == 0
  assert not replay_checkpoints.folder_of(config.workdir).exists()


def test_a_port_in_use_is_said_and_written_down(config):
  failures.clear(config.workdir)
  with socket.socket() as taken:
    taken.bind(('', 0))
    taken.listen()
    with pytest.raises(ValueError, match='Failed to BuildAndStart gRPC server'):
      replay_server.ReplayServer(config, 'localhost', taken.getsockname()[1])
  assert 'The replay failed' in (failures.read(config.workdir) or '')


def test_a_checkpoint_that_fails_is_told_and_written_down(config, monkeypatch):
  def fail(*unused_args, **unused_options):
    raise OSError('no room')

  monkeypatch.setattr(replay_checkpoints.Saver, 'save', fail)
  config = dataclasses.replace(
    config, replay_checkpoints=replay_checkpoints.ReplayCheckpoints(every=0.1)
  )
  server = _make(config)
  waiting.wait_until(lambda: failures.read(config.workdir), 'the failure')
  server.close()
  with pytest.raises(OSError, match='no room'):
    server.check()
  assert 'The replay failed: OSError' in (failures.read(config.workdir) or '')


def test_its_threads_give_way(config):
  def threads() -> set[int]:
    return {int(x.name) for x in pathlib.Path('/proc/self/task').iterdir()}

  before = threads()
  server = _make(config)
  _fill(config, server.client)

  def all_give_way() -> bool:
    started = [
      os.getpriority(os.PRIO_PROCESS, thread) for thread in threads() - before
    ]
    return len(started) > 2 and min(started) >= 10

  waiting.wait_until(all_give_way, 'threads that give way')
  server.close()
