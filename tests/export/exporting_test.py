"""What a run has learned acts alike in its files and in JAX."""

import dataclasses
import importlib.util
import json
import pathlib
import re

import haiku as hk
import jax
import numpy as np
import onnxruntime
import pytest

from quinoa_acme import export_policy
from quinoa_acme import load_policy
from quinoa_acme import networks
from quinoa_acme.agents import d4pg
from quinoa_acme.agents import quinoa
from quinoa_acme.agents import sac
from quinoa_acme.agents import svg0
from quinoa_acme.export import exporting
from quinoa_acme.networks import gaussian
from quinoa_acme.networks.flows import spline
from quinoa_acme.utils import checkpointing

_ROOT = pathlib.Path(__file__).parents[2]


def _example():
  """The example that acts by NumPy alone."""
  path = _ROOT / 'examples' / 'numpy_policy.py'
  spec = importlib.util.spec_from_file_location('numpy_policy', path)
  assert spec is not None
  assert spec.loader is not None
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module


def _quinoa(flow) -> quinoa.QuinoaConfig:
  return dataclasses.replace(
    quinoa.QuinoaConfig.direct()
    if isinstance(flow, networks.EnergyFlowConfig)
    else quinoa.QuinoaConfig(),
    flow=flow,
    value_hidden_sizes=(8,),
  )


_SMALL = {'num_couplings': 3, 'hidden_sizes': (8,)}
_CONFIGS = {
  'energy': _quinoa(networks.EnergyFlowConfig(hidden_sizes=(16, 16))),
  'energy, tilts': _quinoa(
    networks.EnergyFlowConfig((16,), couplings=networks.TiltCouplings(**_SMALL))
  ),
  'energy, affine': _quinoa(
    networks.EnergyFlowConfig(
      (16,), couplings=networks.AffineCouplings(**_SMALL)
    )
  ),
  'tilted': _quinoa(networks.TiltedFlowConfig(**_SMALL)),
  'real_nvp': _quinoa(networks.RealNVPConfig(**_SMALL)),
  'additive': _quinoa(networks.AdditiveFlowConfig(**_SMALL)),
  'spline': _quinoa(spline.SplineFlowConfig(num_bins=3, **_SMALL)),
  'clipped': svg0.SVG0Config(policy=gaussian.ClippedGaussianConfig((8,))),
  'squashed': svg0.SVG0Config(policy=gaussian.SquashedGaussianConfig((8,))),
}
# The others take several seconds each.
_FAST = ('energy', 'tilted')


@pytest.fixture(scope='session')
def runs(make_run, nested_spec):
  """The folder of a run with each kind of policy, once it is asked for."""
  made = {}

  def get(name: str) -> pathlib.Path:
    if name not in made:
      made[name] = make_run(_CONFIGS[name], nested_spec)
    return made[name]

  return get


@pytest.fixture(scope='session')
def in_onnx(runs, tmp_path_factory):
  """The run of a kind as ONNX files, once it is asked for."""
  made = {}

  def get(name: str) -> exporting.Exported:
    if name not in made:
      folder = tmp_path_factory.mktemp('onnx') / 'policy'
      made[name] = export_policy(runs(name), folder)
    return made[name]

  return get


def _observations(size: int):
  rng = np.random.default_rng(size)
  return {
    'arm': (
      rng.normal(size=(size, 2, 2)).astype(np.float32),
      rng.integers(0, 4, size).astype(np.int32),
    ),
    'position': rng.normal(size=(size, 3)).astype(np.float32),
    'touches': rng.integers(0, 2, (size, 2)).astype(bool),
  }


def _by_name(observation):
  return {
    'observation/arm/0': observation['arm'][0],
    'observation/arm/1': observation['arm'][1],
    'observation/position': observation['position'],
    'observation/touches': observation['touches'],
  }


@pytest.mark.parametrize(
  'name',
  [
    pytest.param(name, marks=() if name in _FAST else pytest.mark.slow)
    for name in _CONFIGS
  ],
)
def test_onnx_runtime_acts_as_jax_does(name, runs, in_onnx):
  exported = in_onnx(name)
  assert set(exported.differences) == {'mode', 'sample', 'log_prob'}
  assert max(exported.differences.values()) <= 2e-5
  session = onnxruntime.InferenceSession(exported.folder / 'mode.onnx')
  policy = load_policy(runs(name), mode='mode')
  for size in (1, 9):
    observation = _observations(size)
    [found] = session.run(['action'], _by_name(observation))
    np.testing.assert_allclose(found, policy(observation), atol=2e-5)
  # And the policy is no longer that of the start.
  assert np.std(found, axis=0).max() > 0.05


@pytest.mark.parametrize('name', ['energy', 'tilted', 'squashed'])
def test_the_sampler_takes_the_noise_that_jax_draws(name, runs, in_onnx):
  folder = in_onnx(name).folder
  observation = _observations(5)
  policy = load_policy(runs(name), mode='sample', seed=3)
  expected = policy(observation)
  # As `TrainedPolicy` and Haiku split their keys.
  _, key = jax.random.split(jax.random.PRNGKey(3))
  if name == 'squashed':
    noise = jax.random.normal(key, (1, 5, 4))[0]
  else:
    noise = jax.random.uniform(next(hk.PRNGSequence(key)), (1, 5, 4))[0]
  described = json.loads((folder / 'policy.json').read_text())
  *_, last = described['functions']['sample']['inputs']
  kind = 'normal' if name == 'squashed' else 'uniform'
  assert last == {
    'name': 'noise',
    'shape': ['batch', 4],
    'dtype': 'float32',
    'draw': kind,
  }
  session = onnxruntime.InferenceSession(folder / 'sample.onnx')
  given = {**_by_name(observation), 'noise': np.asarray(noise)}
  [found] = session.run(['action'], given)
  np.testing.assert_allclose(found, expected, atol=2e-5)


@pytest.mark.parametrize(
  'name',
  [
    pytest.param(name, marks=() if name in _FAST else pytest.mark.slow)
    for name in _CONFIGS
    if name != 'spline'
  ],
)
def test_the_example_acts_by_numpy_as_jax_does(name, runs, in_onnx, tmp_path):
  workdir = runs(name)
  folder = export_policy(workdir, tmp_path / 'policy', format='npz').folder
  assert {x.name for x in folder.iterdir()} == {'policy.json', 'policy.npz'}
  policy = _example().Policy(folder)
  observation = _observations(6)
  found = policy('mode', _by_name(observation))
  assert found.dtype == np.float32
  expected = load_policy(workdir, mode='mode')(observation)
  np.testing.assert_allclose(found, expected, atol=2e-5)
  for function, given in (
    ('sample', {'noise': np.full((6, 4), 0.3, np.float32)}),
    ('log_prob', {'action': np.ones((6, 2, 2), np.float32)}),
  ):
    inputs = {**_by_name(observation), **given}
    path = in_onnx(name).folder / f'{function}.onnx'
    session = onnxruntime.InferenceSession(path)
    [by_onnx] = session.run(None, inputs)
    by_numpy = policy(function, inputs)
    np.testing.assert_allclose(by_numpy, by_onnx, rtol=1e-5, atol=2e-5)


def test_the_arrays_are_the_policy_s_parameters_by_name(runs, tmp_path):
  folder = export_policy(runs('energy'), tmp_path / 'p', format='npz').folder
  described = json.loads((folder / 'policy.json').read_text())
  assert described['format'] == 'quinoa_acme.policy'
  assert described['version'] == 1
  assert described['agent']['flow']['type'] == 'EnergyFlowConfig'
  assert described['spec']['actions']['minimum'] == -1.0
  with np.load(folder / 'policy.npz', allow_pickle=False) as arrays:
    for name, shape in described['parameters'].items():
      assert arrays[name].shape == tuple(shape)
    head = arrays['params/energy_flow/head/linear/w']
    assert head.shape == (16, 9)
    # By which observations are normalised.
    mean = arrays['statistics/mean/position']
    assert mean.shape == (3,)
    assert np.abs(mean).max() > 0.1


def test_what_is_exported_is_checked_before_anything_is_written(
  runs, tmp_path, monkeypatch
):
  def run_wrong(path, function):
    return lambda inputs: np.zeros(
      (len(inputs['observation/arm/1']), 2, 2), 'f4'
    )

  from quinoa_acme.export import onnx_files

  monkeypatch.setattr(onnx_files, 'read', run_wrong)
  with pytest.raises(exporting.ExportError, match='its mode differs from JAX'):
    export_policy(runs('energy'), tmp_path / 'policy')
  assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('output', ['file', 'folder', 'link'])
def test_what_exists_is_not_overwritten(output, runs, tmp_path):
  (tmp_path / 'file').write_text('mine')
  (tmp_path / 'folder').mkdir()
  (tmp_path / 'link').symlink_to('nowhere')
  with pytest.raises(exporting.ExportError, match=f'{output} exists already'):
    export_policy(runs('energy'), tmp_path / output)
  assert (tmp_path / 'file').read_text() == 'mine'
  assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize('missing', ['onnx', 'onnxruntime'])
def test_a_missing_extra_is_named(missing, runs, tmp_path, monkeypatch):
  find = importlib.util.find_spec
  monkeypatch.setattr(
    importlib.util, 'find_spec', lambda x: None if x == missing else find(x)
  )
  words = rf'ONNX needs {missing}, .*quinoa-acme\[export\]'
  with pytest.raises(exporting.ExportError, match=words):
    export_policy(runs('energy'), tmp_path / 'policy')
  export_policy(runs('energy'), tmp_path / 'policy', format='npz')


@pytest.mark.parametrize(
  'config', [sac.SACConfig(), d4pg.D4PGConfig()], ids=['sac', 'd4pg']
)
def test_an_agent_that_cannot_be_exported_is_refused(
  config, make_run, make_spec, tmp_path
):
  from acme import specs

  action = specs.BoundedArray((2,), np.float32, -1.0, 1.0, 'action')
  workdir = make_run(config, make_spec(action=action))
  with pytest.raises(exporting.ExportError, match='has no make_log_prob'):
    export_policy(workdir, tmp_path / 'policy')
  assert list(tmp_path.iterdir()) == []


def test_a_folder_without_a_run_or_a_checkpoint_is_refused(
  make_run, make_spec, tiny_config, tmp_path
):
  with pytest.raises(FileNotFoundError, match='Give the folder of a run'):
    export_policy(tmp_path / 'nowhere', tmp_path / 'policy')
  workdir = make_run(tiny_config, make_spec())
  [checkpoint] = (workdir / 'checkpoints' / 'learner').glob('*.npz')
  checkpoint.write_bytes(checkpoint.read_bytes()[:-1000])
  with pytest.raises(checkpointing.CheckpointError):
    export_policy(workdir, tmp_path / 'policy')
  checkpoint.unlink()
  with pytest.raises(checkpointing.CheckpointError, match='no checkpoint yet'):
    export_policy(workdir, tmp_path / 'policy')
  assert list(tmp_path.iterdir()) == []


def test_an_unknown_format_is_refused(runs, tmp_path):
  with pytest.raises(exporting.ExportError, match='onnx, stablehlo, npz'):
    export_policy(runs('energy'), tmp_path / 'policy', format='pickle')


def test_the_page_s_programs_act(make_run, make_spec, tmp_path, monkeypatch):
  page = (_ROOT / 'docs' / 'use-elsewhere.md').read_text()
  by_onnx, by_stablehlo, _ = re.findall(r'```python\n(.*?)```', page, re.DOTALL)
  workdir = make_run(_CONFIGS['energy'], make_spec())
  observations = np.random.default_rng(0).normal(size=(4, 3)).astype('f4')
  expected = load_policy(workdir, mode='mode')(observations)
  monkeypatch.chdir(tmp_path)
  for format, program in (('onnx', by_onnx), ('stablehlo', by_stablehlo)):
    export_policy(workdir, 'policy', format=format)
    names = {'observations': observations}
    exec(program, names)
    np.testing.assert_allclose(names['actions'], expected, atol=1e-5)
    pathlib.Path('policy').rename(format)
