"""Tests of the replay's checkpoints, with servers of Reverb's."""

import os
import pathlib
import threading

import numpy as np
import pytest
import reverb
import waiting

from quinoa_acme.runs.checkpoints import replay_checkpoints


def _make_tables() -> list[reverb.Table]:
  return [
    reverb.Table(
      'table',
      sampler=reverb.selectors.Uniform(),
      remover=reverb.selectors.Fifo(),
      max_size=100,
      rate_limiter=reverb.rate_limiters.MinSize(1),
    )
  ]


def _serve(folder):
  server = replay_checkpoints.serve(_make_tables, None, folder)
  return server, server.localhost_client()


def _kept(folder) -> list[pathlib.Path]:
  return sorted((folder / 'kept').iterdir())


def _size(client) -> int:
  return client.server_info()['table'].current_size


def _insert(client, number: int) -> None:
  for i in range(number):
    client.insert([np.float32(i)], {'table': 1.0})


def test_a_server_goes_on_from_the_last_checkpoint_that_is_whole(
  tmp_path, caplog
):
  saver = replay_checkpoints.Saver(
    replay_checkpoints.ReplayCheckpoints(keep=2), tmp_path
  )
  server, client = _serve(tmp_path)
  folders = []
  for _ in range(4):
    _insert(client, 5)
    folders.append(saver.save(client))
  server.stop()
  assert _kept(tmp_path) == folders[2:]
  server, client = _serve(tmp_path)
  assert _size(client) == 20
  samples = [x.data[0] for [x] in client.sample('table', 50)]
  assert set(np.ravel(samples)) <= set(range(5))
  server.stop()
  # The last one is torn: the one before is used, and that is said.
  for path in folders[3].glob('*.tfrecord'):
    os.truncate(path, path.stat().st_size - 7)
  server, client = _serve(tmp_path)
  assert _size(client) == 15
  assert 'Skipping the checkpoint of the replay' in caplog.text
  assert folders[3].name in caplog.text
  assert [folders[2], saver.save(client)] == _kept(tmp_path)
  server.stop()


def test_a_checkpoint_is_kept_where_there_are_no_links(tmp_path, monkeypatch):
  def refuse(*args):
    raise OSError('no links here')

  monkeypatch.setattr(os, 'link', refuse)
  server, client = _serve(tmp_path)
  _insert(client, 1)
  saver = replay_checkpoints.Saver(
    replay_checkpoints.ReplayCheckpoints(), tmp_path
  )
  kept = saver.save(client)
  assert kept is not None
  assert (kept / 'DONE').exists()
  server.stop()


def test_size_and_time_are_bounded(tmp_path, caplog):
  options = replay_checkpoints.ReplayCheckpoints(max_bytes=20_000)
  saver = replay_checkpoints.Saver(options, tmp_path)
  server, client = _serve(tmp_path)
  _insert(client, 5)
  assert saver.save(client)
  assert saver.save(client, max_seconds=0.0) is None
  saver._bytes_per_item = 5000.0
  assert saver.save(client) is None
  assert 'it would take 2.5e+04 bytes, and max_bytes is 2e+04' in caplog.text
  assert len(_kept(tmp_path)) == 1
  server.stop()


def test_saves_now_and_then_and_at_the_end(tmp_path):
  options = replay_checkpoints.ReplayCheckpoints(every=0.2, keep=50)
  saver = replay_checkpoints.Saver(options, tmp_path)
  server, client = _serve(tmp_path)
  _insert(client, 5)
  stop = threading.Event()
  thread = threading.Thread(target=saver.run, args=(client, stop))
  thread.start()
  waiting.wait_until(lambda: len(_kept(tmp_path)) >= 2, 'two checkpoints')
  before = len(_kept(tmp_path))
  stop.set()
  thread.join(waiting.LIMIT)
  assert not thread.is_alive()
  assert len(_kept(tmp_path)) > before
  server.stop()


@pytest.mark.parametrize('field', ['every', 'keep', 'max_bytes'])
def test_bounds_of_no_sense_are_refused(field):
  with pytest.raises(ValueError, match=field):
    replay_checkpoints.ReplayCheckpoints(**{field: 0})
