"""Tests of fetching shared policies, with a server in the Hub's place.

The tests have no network; `fake_hub` answers as the Hub does. What hostile
repositories hold is refused by name, and none of it runs.
"""

import io
import json
import os
import pathlib
import sys
import zipfile

from acme import specs
import fake_hub
import jax
import numpy as np
import pytest
import warm

from quinoa_acme.agents import svg0
from quinoa_acme.export import sharing
from quinoa_acme.runs import experiment
from quinoa_acme.runs.checkpoints import hub_files
from quinoa_acme.runs.checkpoints import run_folder
from quinoa_acme.utils import checkpointing
from quinoa_acme.utils import core

pytest.importorskip('huggingface_hub')

_LOAD = """
import json, sys
from quinoa_acme import load_policy
from quinoa_acme.utils import checkpointing
said = {}
for name in json.loads(sys.argv[1]):
  try:
    said[name] = str(load_policy(f'hf://me/{name}')([0.5, 0.5]).tolist())
  except (ValueError, checkpointing.CheckpointError) as error:
    said[name] = f'{type(error).__name__}: {error}'
print(json.dumps(said))
"""


class _Evil:
  """Says so in a file when it is unpickled."""

  def __init__(self, path: pathlib.Path):
    self.path = path

  def __reduce__(self):
    return (os.mkdir, (str(self.path),))


def _make_files(folder: pathlib.Path) -> dict[str, bytes]:
  """What is shared of a run whose policy is that of the start."""
  spec = specs.EnvironmentSpec(
    specs.Array((2,), np.float32),
    specs.BoundedArray((1,), np.float32, -1.0, 1.0),
    specs.Array((), np.float32),
    specs.BoundedArray((), np.float32, 0.0, 1.0),
  )
  config = experiment.ExperimentConfig(
    agent=svg0.SVG0Config.debug(),
    environment_factory=None,  # pyright: ignore[reportArgumentType]
    env_name='none',
    workdir=str(folder / 'run'),
  )
  config.write_json()
  run_folder.write_spec(config.workdir, spec)
  agent = config.make_agent()
  learner = agent.make_builder(spec, core.NoOpLogger).make_learner(
    jax.random.PRNGKey(3), agent.make_networks(spec), iter(())
  )
  checkpointing.save(
    run_folder.learner_checkpoints(config.workdir), 1, learner.save()
  )
  (folder / 'shared').mkdir()
  sharing.write_shared(config.workdir, folder / 'shared')('me/good')
  return {
    path.relative_to(folder / 'shared').as_posix(): path.read_bytes()
    for path in (folder / 'shared').rglob('*.*')
  }


def _zip(entries: dict[str, bytes], compression=zipfile.ZIP_STORED) -> bytes:
  file = io.BytesIO()
  with zipfile.ZipFile(file, 'w', compression) as archive:
    for name, content in entries.items():
      archive.writestr(name, content)
  return file.getvalue()


def _with_pickle(content: bytes, path: pathlib.Path) -> bytes:
  """A checkpoint in which each array but the metadata is a pickle."""
  with zipfile.ZipFile(io.BytesIO(content)) as archive:
    entries = {name: archive.read(name) for name in archive.namelist()}
  evil = io.BytesIO()
  np.save(evil, np.array([_Evil(path)], object), allow_pickle=True)
  return _zip(
    {
      name: x if name.startswith('metadata') else evil.getvalue()
      for name, x in entries.items()
    }
  )


def _flip(content: bytes) -> bytes:
  """A checkpoint with another number, and the archive's sums right."""
  with zipfile.ZipFile(io.BytesIO(content)) as archive:
    entries = {name: archive.read(name) for name in archive.namelist()}
  name = next(x for x in entries if 'params' in x or 'policy' in x)
  entries[name] = entries[name][:-1] + bytes([entries[name][-1] ^ 1])
  return _zip(entries)


def _changed(files, name, change) -> dict[str, bytes]:
  plain = json.loads(files[name])
  change(plain)
  return {**files, name: json.dumps(plain).encode()}


def _foreign_agent(plain) -> None:
  plain['agent'] = {'type': 'EvilConfig'}
  plain['modules'] = ['evil']


def _large(plain) -> None:
  plain['observations']['shape'] = [10**6, 10**6]


_SAYS = {
  'no-config': 'there is no config.json',
  'no-checkpoint': 'there is no checkpoint',
  'torn-config': 'config.json is not as a run writes it',
  'deep-config': 'config.json is not as a run writes it: RecursionError',
  'other-config': "config.json is not as a run writes it: KeyError('agent')",
  'foreign-agent': "--modules='evil'",
  'large-spec': 'spec.json is not as a run writes it',
  'torn': 'is torn or no checkpoint',
  'altered': 'its contents do not have the digest',
  'pickle': 'Object arrays cannot be loaded',
  'bomb': 'its arrays would take',
  'absent': 'RepositoryNotFoundError',
}


@pytest.fixture(scope='module')
def told(tmp_path_factory) -> dict[str, str]:
  """What loading each repository said: with the hub, then without."""
  folder = tmp_path_factory.mktemp('hub')
  good = _make_files(folder)
  [checkpoint] = [name for name in good if name.endswith('.npz')]
  content = good[checkpoint]
  # A module of the name that a file gives, if anything imported it.
  (folder / 'evil.py').write_text('import os; os.mkdir("imported")\n')
  repos = {
    # Other files are not even fetched.
    'good': {**good, 'policy.pkl': b'cos\nsystem\n.', 'x/config.json': b'{'},
    'no-config': {k: x for k, x in good.items() if k != 'config.json'},
    'no-checkpoint': {k: x for k, x in good.items() if k != checkpoint},
    'torn-config': {**good, 'config.json': good['config.json'][:50]},
    'deep-config': {**good, 'config.json': b'[' * 200_000},
    'other-config': {**good, 'config.json': b'{"model_type": "bert"}'},
    'foreign-agent': _changed(good, 'config.json', _foreign_agent),
    'large-spec': _changed(good, 'spec.json', _large),
    'torn': {**good, checkpoint: content[: len(content) // 2]},
    'altered': {**good, checkpoint: _flip(content)},
    'pickle': {**good, checkpoint: _with_pickle(content, folder / 'unpickled')},
    'bomb': {
      **good,
      checkpoint: _zip({'a.npy': bytes(10**7)}, zipfile.ZIP_DEFLATED),
    },
  }
  with pytest.MonkeyPatch.context() as patch, fake_hub.serving() as hub:
    hub.repos |= {f'me/{name}': files for name, files in repos.items()}
    patch.setenv('HF_ENDPOINT', hub.address)
    patch.setenv('HF_HOME', str(folder / 'cache'))
    patch.setenv('HF_HUB_DISABLE_PROGRESS_BARS', '1')
    names = json.dumps([*repos, 'absent'])
    result = warm.run('-c', _LOAD, names, cwd=folder)
    assert result.returncode == 0, result.stderr
    said = json.loads(result.stdout)
    patch.setenv('HF_HUB_OFFLINE', '1')
    result = warm.run('-c', _LOAD, '["good", "absent"]', cwd=folder)
    assert result.returncode == 0, result.stderr
    for name, text in json.loads(result.stdout).items():
      said[f'offline-{name}'] = text
  said['files'] = ' '.join(path.name for path in folder.rglob('*'))
  return said


@pytest.mark.slow
def test_a_shared_policy_acts_with_the_hub_and_from_the_cache(told):
  assert -1 <= json.loads(told['good'])[0] <= 1
  assert told['offline-good'] == told['good']
  assert 'hf://me/absent' in told['offline-absent']
  assert 'policy.pkl' not in told['files']


@pytest.mark.slow
@pytest.mark.parametrize('name', _SAYS)
def test_what_is_no_policy_is_refused_by_name(told, name):
  assert _SAYS[name] in told[name]
  assert f'me/{name}' in told[name] or f'me--{name}' in told[name]


@pytest.mark.slow
def test_nothing_of_a_repository_runs(told):
  assert 'evil.py' in told['files']
  assert 'imported' not in told['files']
  assert 'unpickled' not in told['files']


def test_a_missing_extra_is_named(monkeypatch):
  monkeypatch.setattr(sys, 'path', [])
  monkeypatch.delitem(sys.modules, 'huggingface_hub', raising=False)
  with pytest.raises(hub_files.HubError) as error:
    hub_files.fetch('hf://me/none')
  assert "pip install 'quinoa-acme[hub]'" in str(error.value)
