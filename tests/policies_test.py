"""Tests of trained policies: light to load, and picky about observations."""

import dataclasses
import json
import pathlib
import subprocess
import sys

import jax
import numpy as np
import pytest

import quinoa_acme
from quinoa_acme import networks as networks_lib
from quinoa_acme.agents import d4pg
from quinoa_acme.agents import quinoa
from quinoa_acme.agents import sac
from quinoa_acme.agents import svg0
from quinoa_acme.agents.common import choices
from quinoa_acme.agents.common import off_policy
from quinoa_acme.runs import experiment
from quinoa_acme.runs.checkpoints import run_folder
from quinoa_acme.utils import checkpointing
from quinoa_acme.utils import core as loggers_base
from quinoa_acme.utils import specs

_NESTED = {
  'position': specs.Array((2,), np.float32, 'position'),
  'arm': {
    'joints': specs.Array((2, 2), np.float64, 'joints'),
    'count': specs.Array((), np.int32, 'count'),
  },
}
_OBSERVATION = {
  'position': [0.5, -1.0],
  'arm': {'joints': np.ones((2, 2)), 'count': 3},
}


def _make_run(
  workdir: pathlib.Path,
  agent_config: off_policy.OffPolicyConfig,
  spec: specs.EnvironmentSpec,
  action_repeat: int = 1,
):
  """Writes what a run that has just begun has in its folder."""
  config = experiment.ExperimentConfig(
    agent=agent_config,
    environment_factory=None,  # pyright: ignore[reportArgumentType]
    env_name='none',
    workdir=str(workdir),
    action_repeat=action_repeat,
  )
  config.write_json()
  run_folder.write_spec(config.workdir, spec)
  agent = config.make_agent()
  learner = agent.make_builder(spec, loggers_base.NoOpLogger).make_learner(
    jax.random.PRNGKey(3), agent.make_networks(spec), iter(())
  )
  # The first checkpoint of a run is of its start, and is no policy yet.
  checkpointing.save(
    run_folder.learner_checkpoints(config.workdir), 1, learner.save()
  )
  return learner


@pytest.fixture(scope='module')
def nested_run(tmp_path_factory, make_spec, tiny_config):
  """A run in an environment of nested observations, and its learner."""
  workdir = tmp_path_factory.mktemp('nested')
  learner = _make_run(workdir, tiny_config, make_spec(_NESTED))
  return str(workdir), learner


_LOAD = """
import json, sys, time
import quinoa_acme
started = time.process_time()
import jax
of_jax = time.process_time() - started
quinoa_acme.load_policy
times_jax = (time.process_time() - started) / of_jax
from quinoa_acme.agents.common import choices
policy = quinoa_acme.load_policy(sys.argv[1], mode=choices.MostLikely(4))
action = policy(json.loads(sys.argv[2]))
print(json.dumps([sorted(sys.modules), times_jax, action.tolist()]))
"""


def test_acting_imports_nothing_that_only_training_needs(nested_run):
  workdir, _ = nested_run
  observation = {
    'position': [0.5, -1.0],
    'arm': {'joints': [[1, 1], [1, 1]], 'count': 3},
  }
  result = subprocess.run(
    [sys.executable, '-c', _LOAD, workdir, json.dumps(observation)],
    capture_output=True,
    text=True,
    check=True,
  )
  modules, times_jax, action = json.loads(result.stdout)
  heavy = {'acme', 'dm_control', 'gym', 'launchpad', 'reverb', 'tensorflow'}
  heavy |= {'distrax', 'tensorflow_probability'}
  assert not heavy & set(modules)
  # Machines differ in speed. Of JAX's own time it takes one and a half;
  # TensorFlow alone takes five.
  assert times_jax < 3.0
  here = quinoa_acme.load_policy(workdir, mode=choices.MostLikely(4))
  np.testing.assert_allclose(action, here(_OBSERVATION), atol=1e-5)


def test_a_batch_is_its_observations_one_by_one(nested_run):
  policy = quinoa_acme.load_policy(nested_run[0], mode=choices.BaseMode())
  one = policy(_OBSERVATION)
  assert one.shape == (2,)
  assert one.dtype == np.float32
  batch = jax.tree_util.tree_map(
    lambda spec: np.zeros((3, *spec.shape), spec.dtype), _NESTED
  )
  batch['position'][1] = [0.5, -1.0]
  batch['arm']['joints'][1] = 1.0
  batch['arm']['count'][1] = 3
  actions = policy(batch)
  assert actions.shape == (3, 2)
  np.testing.assert_allclose(actions[1], one, atol=1e-6)


def test_it_acts_as_the_learner_s_parameters_do(
  nested_run, make_spec, make_networks, make_batch, tiny_config
):
  workdir, learner = nested_run
  spec = make_spec(_NESTED)
  networks = make_networks(spec, tiny_config)
  observation = make_batch(spec, 5).observation
  [params] = learner.get_variables(['policy'])
  expected = networks.policy.mode(params, observation)
  policy = quinoa_acme.load_policy(workdir, mode=choices.BaseMode())
  np.testing.assert_allclose(policy(observation), expected, atol=1e-6)


def test_a_flow_that_gives_v_too_acts_from_its_folder(
  tmp_path, make_spec, make_networks, make_batch, tiny_config
):
  couplings = networks_lib.TiltCouplings(hidden_sizes=(8,))
  config = dataclasses.replace(
    tiny_config,
    flow=networks_lib.EnergyFlowConfig((8,), couplings=couplings),
    fit=quinoa.DirectFit(proximity=0.3),
  )
  spec = make_spec()
  learner = _make_run(tmp_path, config, spec)
  [params] = learner.get_variables(['policy'])
  observation = make_batch(spec, 5).observation
  expected = make_networks(spec, config).policy.mode(params, observation)
  policy = quinoa_acme.load_policy(str(tmp_path), mode=choices.BaseMode())
  np.testing.assert_allclose(policy(observation), expected, atol=1e-6)


def test_it_says_how_often_to_repeat_an_action(
  nested_run, tmp_path, make_spec, tiny_config
):
  workdir, _ = nested_run
  assert quinoa_acme.load_policy(workdir).action_repeat == 1
  _make_run(tmp_path, tiny_config, make_spec(), action_repeat=2)
  assert quinoa_acme.load_policy(tmp_path).action_repeat == 2


def test_a_mode_may_be_given_by_its_name(nested_run):
  by_name = quinoa_acme.load_policy(nested_run[0], mode='mode')
  policy = quinoa_acme.load_policy(nested_run[0], mode=choices.BaseMode())
  np.testing.assert_array_equal(by_name(_OBSERVATION), policy(_OBSERVATION))
  with pytest.raises(ValueError, match="did you mean 'argmax'"):
    quinoa_acme.load_policy(nested_run[0], mode='argmx')


def test_samples_differ_and_come_again_with_the_seed(nested_run):
  policies = [
    quinoa_acme.load_policy(nested_run[0], mode=choices.Sample(), seed=seed)
    for seed in (0, 0, 1)
  ]
  first, again, other = (
    [policy(_OBSERVATION).tolist() for _ in range(3)] for policy in policies
  )
  assert first == again
  assert first[0] != first[1]
  assert first[0] != other[0]


def _with(**changes):
  return {**_OBSERVATION, **changes}


@pytest.mark.parametrize(
  ('observation', 'message'),
  [
    (
      _with(position=[1.0, 2.0, 3.0]),
      r"observation\['position'\] must have shape \(2,\).* but has \(3,\)",
    ),
    (_with(position=np.zeros((2, 2, 2))), 'for a batch of B, but has'),
    (
      _with(position=np.zeros((4, 2))),
      r"\['position'\] has the batch shape \(4,\), and .*\['arm'\].* has \(\)",
    ),
    (_with(position=[np.nan, 0.0]), r"\['position'\] must be finite"),
    (_with(position=['a', 'b']), r"\['position'\] must be of numbers"),
    (_with(position=[[1.0], [1.0, 2.0]]), r"\['position'\] is not an array"),
    (_with(other=1), r"keys \['arm', 'position'\], but has .*'other'"),
    (np.zeros(5), 'must be a dictionary with the keys'),
    (_with(arm={'joints': np.ones((2, 2))}), r"observation\['arm'\] must be"),
  ],
)
def test_another_observation_is_refused_by_name(
  nested_run, observation, message
):
  policy = quinoa_acme.load_policy(nested_run[0])
  with pytest.raises(ValueError, match=message):
    policy(observation)


@pytest.mark.parametrize('wanted', ['checkpoint', 'spec', 'config'])
def test_a_folder_that_lacks_something_is_refused(
  tmp_path, make_spec, tiny_config, wanted
):
  _make_run(tmp_path, tiny_config, make_spec())
  if wanted == 'checkpoint':
    for path in (tmp_path / 'checkpoints' / 'learner').iterdir():
      path.unlink()
    error, message = checkpointing.CheckpointError, 'has no checkpoint yet'
  else:
    (tmp_path / f'{wanted}.json').unlink()
    error = FileNotFoundError
    message = {'spec': 'Give the specs: spec=', 'config': 'Give the folder of'}[
      wanted
    ]
  with pytest.raises(error, match=message):
    quinoa_acme.load_policy(str(tmp_path))
  if wanted == 'spec':
    policy = quinoa_acme.load_policy(str(tmp_path), spec=make_spec())
    assert policy(np.zeros(3)).shape == (2,)


def test_the_networks_of_another_configuration_are_refused(
  tmp_path, make_spec, tiny_config
):
  _make_run(tmp_path, tiny_config, make_spec())
  other = make_spec(specs.Array((4,), np.float32))
  with pytest.raises(checkpointing.CheckpointError, match='expected float32'):
    quinoa_acme.load_policy(str(tmp_path), spec=other)


@pytest.mark.slow
@pytest.mark.parametrize(
  'config',
  [
    sac.SACConfig.debug(),
    dataclasses.replace(
      sac.SACConfig.simba(),
      layers=sac.ResidualBlocks(8, 1, 8, 1),
      **off_policy.SMALL_REPLAY,
    ),
    svg0.SVG0Config.debug(),
    d4pg.D4PGConfig.debug(),
  ],
)
def test_other_agents_policies_are_loaded_too(tmp_path, make_spec, config):
  spec = make_spec(action=specs.BoundedArray((2,), np.float32, -1.0, 1.0))
  # Acme's distributions promote ranks.
  with jax.numpy_rank_promotion('allow'):
    _make_run(tmp_path, config, spec)
    policy = quinoa_acme.load_policy(str(tmp_path))
    mode = quinoa_acme.load_policy(str(tmp_path), mode=choices.BaseMode())
    sample = quinoa_acme.load_policy(str(tmp_path), mode=choices.Sample())
    observation = np.ones((4, 3))
    np.testing.assert_array_equal(policy(observation), mode(observation))
    assert np.all(sample(observation) != mode(observation))
    with pytest.raises(ValueError, match=r'acts by Sample\(\) or BaseMode'):
      quinoa_acme.load_policy(str(tmp_path), mode=quinoa.MostLikely())
