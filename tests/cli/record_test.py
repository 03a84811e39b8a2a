"""`quinoa record` writes a data set."""

import minari
import numpy as np
import pytest

from quinoa_acme.cli import record
from quinoa_acme.runs import offline


def test_the_formats_are_those_of_the_function():
  assert record._FORMATS == offline.FORMATS


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


@pytest.mark.slow
def test_it_records_for_minari(trained, quinoa):
  result = quinoa(
    'record',
    str(trained),
    '--output=mine-v0',
    '--format=minari',
    '--num_transitions=100',
  )
  assert result.returncode == 0, result.stderr
  assert result.stdout.startswith('mine-v0: 1 episodes with a return of ')
  dataset = minari.MinariDataset(quinoa.cwd / 'mine-v0' / 'data')
  assert dataset.total_steps >= 100
