"""Runs that are measured while they learn."""

import pytest

from experiments.lib.scaling import measuring


def test_a_run_that_ends_by_itself_is_told_with_its_reason(monkeypatch):
  monkeypatch.setitem(measuring.PACES, 'odd', ('--no_such_flag=1',))
  times = measuring.Times(warm_up=0.0, seconds=0.0)
  with pytest.raises(RuntimeError, match=r"ended: error: .*'no_such_flag'"):
    measuring.measure(1, 'odd', times)
