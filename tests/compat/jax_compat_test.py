"""Tests of the bound names: each is needed, and together they suffice."""

import json
import pathlib
import re
import subprocess
import sys

import acme
import acme.jax  # Before which the names are bound.
import jax
import pytest

from quinoa_acme.compat import jax_compat

# In one process, before anything else of the package is imported.
_LIST_MISSING = """
import importlib.util, json, sys
path, names = sys.argv[1], json.loads(sys.argv[2])
spec = importlib.util.spec_from_file_location('jax_compat', path)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
print(json.dumps([name for name in names if module.is_missing(name)]))
"""


def _run(code: str, *arguments: str) -> str:
  result = subprocess.run(
    [sys.executable, '-c', code, *arguments],
    capture_output=True,
    text=True,
    check=False,
  )
  assert result.returncode == 0, result.stderr[-2000:]
  return result.stdout


def test_jax_lacks_every_name():
  names = sorted(jax_compat.REPLACEMENTS)
  output = _run(_LIST_MISSING, jax_compat.__file__, json.dumps(names))
  assert json.loads(output.splitlines()[-1]) == names


@pytest.fixture(scope='module')
def acme_sources() -> str:
  root = pathlib.Path(acme.__file__).parent
  files = [p for p in root.rglob('*.py') if not p.name.endswith('_test.py')]
  assert len(files) > 100
  return '\n'.join(path.read_text() for path in files)


@pytest.mark.parametrize('name', sorted(jax_compat.REPLACEMENTS))
def test_acme_uses_every_name(acme_sources, name):
  # As Acme writes it: jax.numpy is jnp there.
  written = name.replace('jax.numpy.', 'jnp.')
  assert re.search(rf'\b{re.escape(written)}\b', acme_sources), (
    f'{name} is not used by dm-acme any more: drop it from REPLACEMENTS.'
  )


def test_every_name_is_bound_to_its_replacement():
  for name, replacement in jax_compat.REPLACEMENTS.items():
    assert not jax_compat.is_missing(name)
    value = jax
    for part in name.split('.')[1:]:
      value = getattr(value, part)
    assert value is replacement


def test_a_name_that_jax_has_is_left_alone(monkeypatch):
  own = object()
  monkeypatch.setattr(jax, 'tree_map', own)
  jax_compat.install()
  assert jax.tree_map is own


@pytest.mark.slow
def test_acme_s_agents_import():
  output = _run("""
import quinoa_acme
from acme.agents.jax import sac, td3, d4pg
print(*[lib.__name__.split('.')[-1] for lib in (sac, td3, d4pg)])
""")
  assert output.split() == ['sac', 'td3', 'd4pg']


_RUN_AGENT = """
import json, sys
import quinoa_acme
import acme
from acme import specs
from acme.agents.jax import {name} as lib
from acme.testing import fakes
from acme.utils import loggers, counting

environment = fakes.ContinuousEnvironment(
  action_dim=2, observation_dim=3, episode_length=10, bounded=True)
spec = specs.make_environment_spec(environment)
config = lib.{upper}Config(
  batch_size=8, min_replay_size=16, samples_per_insert=8)
networks = lib.make_networks(spec, {sizes})
counter = counting.Counter()
agent = lib.{upper}(spec, networks, config, 0, counter=counter)
loop = acme.EnvironmentLoop(environment, agent, logger=loggers.NoOpLogger())
loop.run(num_episodes=4)
print(json.dumps(counter.get_counts()))
import os; sys.stdout.flush(); os._exit(0)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
  ('name', 'sizes'),
  [
    ('sac', 'hidden_layer_sizes=(8, 8)'),
    ('td3', 'hidden_layer_sizes=(8, 8)'),
    (
      'd4pg',
      'policy_layer_sizes=(8, 8), critic_layer_sizes=(8, 8), num_atoms=11',
    ),
  ],
)
def test_acme_s_agents_run(tmp_path, monkeypatch, name, sizes):
  # They write their checkpoints to ~/acme.
  monkeypatch.setenv('HOME', str(tmp_path))
  output = _run(_RUN_AGENT.format(name=name, upper=name.upper(), sizes=sizes))
  counts = json.loads(output.splitlines()[-1])
  # Those of the learner.
  assert counts['steps'] > 5
