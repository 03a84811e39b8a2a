"""StableHLO files act where this package is not."""

import json
import subprocess
import sys

import numpy as np

from quinoa_acme import export_policy
from quinoa_acme import load_policy

# As a program of another project: it has JAX and the file.
_PROGRAM = """
import json, sys
sys.modules['quinoa_acme'] = sys.modules['haiku'] = None
import jax
import numpy as np
with open(sys.argv[1], 'rb') as file:
  mode = jax.export.deserialize(bytearray(file.read()))
observation = np.array(json.loads(sys.argv[2]), np.float32)
print(json.dumps([
  np.asarray(mode.call(observation)).tolist(),
  list(mode.platforms),
  sorted(x for x in sys.modules if x.startswith('quinoa_acme.')),
]))
"""


def test_it_acts_in_a_process_without_this_package(
  make_run, make_spec, tiny_config, tmp_path
):
  workdir = make_run(tiny_config, make_spec())
  exported = export_policy(workdir, tmp_path / 'policy', format='stablehlo')
  assert max(exported.differences.values()) <= 1e-5
  observations = np.random.default_rng(0).normal(size=(7, 3))
  result = subprocess.run(
    [
      sys.executable,
      '-c',
      _PROGRAM.replace('import jax\n', 'import jax\nfrom jax import export\n'),
      str(exported.folder / 'mode.stablehlo'),
      json.dumps(observations.tolist()),
    ],
    cwd=tmp_path,
    capture_output=True,
    text=True,
  )
  assert result.returncode == 0, result.stderr
  actions, platforms, modules = json.loads(result.stdout)
  assert modules == []
  assert 'cuda' in platforms
  policy = load_policy(workdir, mode='mode')
  np.testing.assert_allclose(actions, policy(observations), atol=1e-5)
