"""Tests of what the program's nodes have in common."""

import threading
import time

import courier
import pytest
import waiting

from quinoa_acme.runs.distributed import failures
from quinoa_acme.runs.distributed import node as node_lib


@pytest.fixture
def server():
  """A server of `double`, and of `block`, which answers when it is released."""
  release = threading.Event()
  server = courier.Server()
  server.Bind('double', lambda x: 2 * x)
  server.Bind('block', lambda: release.wait(waiting.LIMIT))
  server.Bind('fail', lambda: 1 / 0)
  server.Start()
  yield server
  release.set()
  server.Stop()


def _client(server: courier.Server, stop: threading.Event):
  client = courier.Client(f'localhost:{server.port}')
  return node_lib.make_leavable(client, stop.is_set)


def test_a_leavable_client_answers_also_while_the_program_stops(server):
  stop = threading.Event()
  client = _client(server, stop)
  assert client.double(3) == 6
  stop.set()
  assert client.double(4) == 8


def test_a_leavable_client_passes_errors_on(server):
  with pytest.raises(Exception, match='division by zero'):
    _client(server, threading.Event()).fail()


def test_a_leavable_client_waits_as_long_as_the_program_runs(server):
  stop = threading.Event()
  threading.Timer(1.0, stop.set).start()
  started = time.monotonic()
  with pytest.raises(node_lib.UnansweredError, match='No answer to block'):
    _client(server, stop).block()
  assert 1.0 <= time.monotonic() - started < waiting.allowed(5.0)


def test_a_leavable_client_leaves_a_server_that_is_gone(server):
  stop = threading.Event()
  client = _client(server, stop)
  assert client.double(1) == 2
  server.Stop()
  server.Join()
  stop.set()
  with pytest.raises(node_lib.UnansweredError):
    client.double(2)


def test_work_that_does_not_save_in_time_is_a_failure(tmp_path, stop):
  failures.clear(str(tmp_path))
  release = threading.Event()
  body = node_lib.Body(
    'learner',
    str(tmp_path),
    lambda _: release.wait(waiting.LIMIT),
    seconds_to_save=0.1,
  )
  stop.set()
  with pytest.raises(TimeoutError, match='since its last checkpoint is lost'):
    body.run_until_stop()
  release.set()
  failure = failures.read(str(tmp_path))
  assert failure is not None
  assert 'The learner failed: TimeoutError' in failure


def test_work_with_nothing_to_save_is_left(tmp_path, stop, monkeypatch):
  monkeypatch.setattr(node_lib, 'GRACE_SECONDS', 0.1)
  failures.clear(str(tmp_path))
  release = threading.Event()
  body = node_lib.Body(
    'actor_0', str(tmp_path), lambda _: release.wait(waiting.LIMIT)
  )
  stop.set()
  body.run_until_stop()
  release.set()
  assert failures.read(str(tmp_path)) is None


def test_work_that_cannot_go_on_saves_before_that_is_said(tmp_path, stop):
  """What fails beside it, as the replay's checkpoints beside a learner."""
  del stop
  failures.clear(str(tmp_path))
  saved = []

  def work(stopping):
    while not stopping():
      time.sleep(0.01)
    saved.append(True)

  def check():
    raise OSError('no room')

  body = node_lib.Body(
    'learner', str(tmp_path), work, check, seconds_to_save=waiting.LIMIT
  )
  with pytest.raises(OSError, match='no room'):
    body.run_until_stop()
  assert saved
