"""`quinoa record` writes a data set."""

import numpy as np
import pytest


@pytest.mark.slow
def test_it_records_what_the_policy_does(trained, quinoa):
  result = quinoa(
    'record', str(trained), '--output=data.npz', '--num_transitions=100'
  )
  assert result.returncode == 0, result.stderr
  assert result.stdout.startswith('data.npz: 1 episodes with a return of ')
  with np.load(quinoa.cwd / 'data.npz', allow_pickle=False) as data:
    assert min(len(data[name]) for name in data.files if data[name].ndim) >= 1
    assert max(len(data[name]) for name in data.files if data[name].ndim) >= 100
