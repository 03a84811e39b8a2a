"""Tests of how a node tells the launcher why it failed."""

import pytest

from quinoa_acme.runs.distributed import failures


def test_the_first_failure_is_the_one_that_is_read(tmp_path):
  workdir = str(tmp_path / 'new')
  failures.clear(workdir)
  assert failures.read(workdir) is None
  with (
    pytest.raises(ZeroDivisionError),
    failures.reporting(workdir, 'learner'),
  ):
    _ = 1 / 0
  failures.write(workdir, 'actor_0', ValueError('the learner is gone'))
  text = failures.read(workdir)
  assert text is not None
  assert text.startswith('Traceback')
  assert text.endswith(
    "The learner failed: ZeroDivisionError('division by zero')"
  )
  assert 'actor_0' not in text
  failures.clear(workdir)
  assert failures.read(workdir) is None


def test_what_is_too_long_keeps_its_end(tmp_path):
  failures.clear(str(tmp_path))
  failures.write(str(tmp_path), 'learner', ValueError('a' * 20_000 + 'the end'))
  text = failures.read(str(tmp_path))
  assert text is not None
  assert len(text) <= 16_384
  assert text.endswith("the end')")


def test_the_space_for_it_is_reserved_and_freed(tmp_path):
  failures.clear(str(tmp_path))
  [reserved] = tmp_path.iterdir()
  assert reserved.stat().st_size == 16_384
  failures.close(str(tmp_path))
  assert not list(tmp_path.iterdir())
  # Without space there is only the log.
  failures.write(str(tmp_path), 'learner', ValueError('late'))
  assert failures.read(str(tmp_path)) is None
