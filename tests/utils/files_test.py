"""Tests of file systems that lack something."""

import errno
import os

import numpy as np
import pytest

from quinoa_acme.utils import checkpointing
from quinoa_acme.utils import files


def _failing(number):
  def fsync(descriptor):
    del descriptor
    raise OSError(number, os.strerror(number))

  return fsync


def test_what_has_no_fsync_is_left_as_it_is():
  reader, writer = os.pipe()
  with pytest.raises(OSError, match='Invalid argument'):
    os.fsync(writer)
  files.sync(writer, 'pipe')
  os.close(reader)
  os.close(writer)


@pytest.mark.parametrize('number', [errno.EIO, errno.ENOSYS])
def test_a_checkpoint_is_whole_though_fsync_fails(
  number, tmp_path, monkeypatch
):
  monkeypatch.setattr(os, 'fsync', _failing(number))
  checkpointing.save(tmp_path, 3, {'x': np.arange(4)})
  checkpoint = checkpointing.read_latest(tmp_path)
  assert checkpoint is not None
  assert checkpoint.step == 3


def test_a_disk_without_room_is_an_error(tmp_path, monkeypatch):
  monkeypatch.setattr(os, 'fsync', _failing(errno.ENOSPC))
  with pytest.raises(OSError, match='No space left'):
    checkpointing.save(tmp_path, 3, {'x': np.arange(4)})
  assert checkpointing.read_latest(tmp_path) is None
