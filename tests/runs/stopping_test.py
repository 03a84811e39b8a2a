"""Tests of what signals do to a run in one process."""

import signal
import subprocess
import sys
import threading

import pytest
import waiting

from quinoa_acme.runs import stopping


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_has_its_usual_effect(number):
  def usual(unused_number, unused_frame):
    raise KeyboardInterrupt

  before = signal.signal(number, usual)
  try:
    with stopping.stop_on_signals() as request:
      assert not request()
      signal.raise_signal(number)
      assert request()
      with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)
    assert signal.getsignal(number) is usual
  finally:
    signal.signal(number, before)


@pytest.fixture
def _from_a_terminal():
  """A process that hears hang-ups, though the tests may be under nohup."""
  before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
  yield
  signal.signal(signal.SIGHUP, before)


def _hang_up_twice() -> bool:
  with stopping.stop_on_signals() as request:
    for _ in range(2):
      signal.raise_signal(signal.SIGHUP)
    return request()


@pytest.mark.usefixtures('_from_a_terminal')
def test_a_terminal_may_hang_up_twice():
  assert _hang_up_twice()
  assert signal.getsignal(signal.SIGHUP) == signal.SIG_DFL


def test_a_hang_up_that_is_ignored_stays_so():
  # As under nohup.
  before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
  try:
    assert not _hang_up_twice()
    with stopping.hang_up_as_terminate():
      signal.raise_signal(signal.SIGHUP)
  finally:
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures('_from_a_terminal')
def test_a_hang_up_is_taken_for_a_termination():
  def usual(unused_number, unused_frame):
    raise KeyboardInterrupt

  before = signal.signal(signal.SIGTERM, usual)
  try:
    with (
      stopping.hang_up_as_terminate(),
      pytest.raises(KeyboardInterrupt),
    ):
      signal.raise_signal(signal.SIGHUP)
  finally:
    signal.signal(signal.SIGTERM, before)


def test_there_is_no_signal_in_another_thread():
  requests = []

  def run():
    with stopping.stop_on_signals() as request:
      requests.append(request)

  thread = threading.Thread(target=run)
  thread.start()
  thread.join()
  assert not requests[0]()


_SIGNALLED_AT_EVERY_LINE = """
import signal, sys
from quinoa_acme.runs import stopping

event = stopping.StopEvent()
signal.signal(signal.SIGTERM, lambda *_: event.set())

def interrupt(*_):
  signal.raise_signal(signal.SIGTERM)
  return interrupt

sys.settrace(interrupt)
event.wait(0.1)
event.set()
sys.settrace(None)
print(event.is_set())
"""


def test_the_event_can_be_set_in_the_middle_of_what_it_does():
  # With an event of Python's own this does not come to its end.
  result = subprocess.run(
    [sys.executable, '-c', _SIGNALLED_AT_EVERY_LINE],
    capture_output=True,
    text=True,
    timeout=waiting.LIMIT,
    check=False,
  )
  assert result.stdout == 'True\n', result.stderr


def test_the_event_waits_no_longer_than_it_is_told():
  event = stopping.StopEvent()
  assert not event.wait(0.0)
  assert not event.wait(0.06)
  event.set()
  assert event.is_set()
  assert event.wait(0.0)
