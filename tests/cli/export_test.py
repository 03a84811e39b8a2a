"""`quinoa export` writes a policy for other programs."""

import json

import numpy as np
import onnxruntime
import pytest

from quinoa_acme import load_policy
from quinoa_acme.cli import export
from quinoa_acme.export import exporting


def test_its_formats_are_those_that_are_written():
  assert export._FORMATS == exporting.FORMATS


@pytest.mark.slow
def test_it_writes_what_acts_as_the_run_does(trained, quinoa):
  result = quinoa('export', str(trained), '--output=policy')
  assert result.returncode == 0, result.stderr
  lines = result.stdout.splitlines()
  assert [x.partition(':')[0] for x in lines] == [
    'mode',
    'sample',
    'log_prob',
    'Written',
  ]
  assert lines[0].endswith('of JAX')
  folder = quinoa.cwd / 'policy'
  described = json.loads((folder / 'policy.json').read_text())
  [given] = described['functions']['mode']['inputs']
  assert given['name'] == 'observation'
  policy = load_policy(trained, mode='mode')
  observation = np.ones((2, *policy.spec.observations.shape), np.float32)
  session = onnxruntime.InferenceSession(folder / 'mode.onnx')
  [found] = session.run(None, {'observation': observation})
  np.testing.assert_allclose(found, policy(observation), atol=1e-5)
  again = quinoa('export', str(trained), '--output=policy')
  assert again.returncode == 1
  assert 'policy exists already' in again.stderr
  assert 'Traceback' not in again.stderr
