"""Tests of what signals do to a run in one process."""

import signal

import pytest

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
