"""Tests of the progress line."""

import io
import os
import shutil
import time

import pytest

from quinoa_acme.runs.watching import progress

_STATUS = progress.Status(
  actor_steps=25_000,
  learner_steps=24_000,
  training_return=512.34,
  evaluation_return=600.0,
  evaluation_return_std=20.1,
  sample_age=12_345.6,
  memory_mb=2345.6,
)


def test_the_line_has_all_that_one_watches():
  line = progress.format_status(_STATUS, 100_000, 250.0, 240.4)
  assert line.split(' | ') == [
    '25,000/100,000 steps',
    '5 min 0 s left',
    'return 512.3',
    'evaluated 600.0 ± 20.1',
    '250 steps/s',
    '240 updates/s',
    'sample age 12,346 steps',
    '2.35 GB',
  ]


def test_what_is_not_known_yet_is_left_out():
  line = progress.format_status(progress.Status(), 100_000, 0.0, 0.0)
  assert line == '0/100,000 steps | 0 steps/s | 0 updates/s'


def test_frames_are_beside_steps_where_they_are_more():
  line = progress.format_status(_STATUS, 100_000, 250.0, 240.4, 2)
  parts = line.split(' | ')
  assert parts[:2] == ['25,000/100,000 steps', '50,000/200,000 frames']
  # Each step takes as long as before.
  assert parts[2] == '5 min 0 s left'
  said = progress.summarise(_STATUS, 1000, 1.0, 100.0, 2)
  assert 'Stopped after 25,000 steps (50,000 frames) and' in said
  assert 'after 25,000 steps and' in progress.summarise(_STATUS, 1000, 1.0, 1.0)


class _Terminal(io.StringIO):
  def isatty(self) -> bool:
    return True


@pytest.mark.parametrize('stream', [io.StringIO(), _Terminal()])
def test_a_run_that_begins_to_look_wrong_says_so_once_and_at_once(
  clock, stream
):
  shown = progress.Progress(100_000, stream)
  clock(0)
  for warning in (None, 'V is 90.', 'V is 95.', None, 'V is 99.'):
    shown.show(progress.Status(warning=warning))
  lines = stream.getvalue().replace('\r\x1b[K', '').splitlines()
  assert lines == ['Warning: V is 90.', 'Warning: V is 99.']


@pytest.fixture
def clock(monkeypatch):
  """Sets the time: `clock(seconds)`."""
  now = [1000.0]
  monkeypatch.setattr(time, 'monotonic', lambda: now[0])

  def set_time(seconds: float) -> None:
    now[0] = 1000.0 + seconds

  return set_time


def _show(clock, stream, seconds: int) -> None:
  """Makes 10 steps and 20 updates in each second."""
  shown = progress.Progress(100_000, stream)
  for second in range(seconds):
    clock(second)
    shown.show(
      progress.Status(actor_steps=10 * second, learner_steps=20 * second)
    )
  shown.close()


def test_elsewhere_there_is_a_line_every_ten_seconds(clock):
  stream = io.StringIO()
  _show(clock, stream, 35)
  lines = stream.getvalue().splitlines()
  assert [line.split('/')[0] for line in lines] == ['100', '200', '300']
  assert lines[0].endswith('| 10 steps/s | 20 updates/s')
  assert '\x1b' not in stream.getvalue()


def test_on_a_terminal_one_line_is_rewritten_and_never_wraps(
  clock, monkeypatch
):
  monkeypatch.setattr(
    shutil, 'get_terminal_size', lambda **_: os.terminal_size((30, 24))
  )
  stream = _Terminal()
  _show(clock, stream, 5)
  text = stream.getvalue()
  assert '\n' not in text
  lines = text.split('\r\x1b[K')[1:]
  # One a second, and then nothing is left of it.
  assert len(lines) == 5
  assert lines[0].startswith('10/100,000 steps | 2 h 46 min')
  assert all(len(line) < 30 for line in lines)
  assert lines[-1] == ''
