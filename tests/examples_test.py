"""Every example runs, small, and does what it says."""

import dataclasses
import functools
import importlib.util
import json
import pathlib
import re
import shlex
import types as python_types

import acme
from acme import core
from acme.utils import counting
from acme.utils import loggers
import fresh
import jax
import numpy as np
import pytest
import warm

from quinoa_acme import environments
from quinoa_acme import networks as networks_lib
from quinoa_acme.agents import quinoa
from quinoa_acme.agents import sac
from quinoa_acme.agents.common import layouts
from quinoa_acme.data import adders
from quinoa_acme.data import replay as replay_lib
from quinoa_acme.runs import experiment
from quinoa_acme.runs import local

_EXAMPLES = pathlib.Path(__file__).parents[1] / 'examples'

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _acme_may_promote_ranks():
  """Acme's losses and discriminators do; they are not ours to change."""
  with jax.numpy_rank_promotion('allow'):
    yield


@functools.cache
def _load(name: str) -> python_types.ModuleType:
  spec = importlib.util.spec_from_file_location(name, _EXAMPLES / f'{name}.py')
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module


@pytest.fixture(scope='module')
def config(tiny_config):
  """A pace that a layout of Acme's keeps."""
  return dataclasses.replace(
    tiny_config,
    min_replay_size=50,
    samples_per_insert=16.0,
    samples_per_insert_tolerance=1.0,
  )


def _returns(environment, agent, num_steps):
  """Runs Acme's loop, and gives the return of each episode."""
  rows = loggers.InMemoryLogger()
  loop = acme.EnvironmentLoop(environment, agent, logger=rows)
  loop.run(num_steps=num_steps)
  return [row['episode_return'] for row in rows._data]


def test_each_example_is_short_and_has_a_test():
  examples = list(_EXAMPLES.glob('*.py'))
  assert examples
  for path in examples:
    assert f'test_{path.stem}' in globals()
    assert len(path.read_text().splitlines()) <= 60, path


def _is_run_whole(path: pathlib.Path) -> bool:
  """Whether a test of its own runs it as it is: it takes flags, or seconds."""
  return (
    'scripts.train(' in path.read_text() or path.stem == 'conditional_density'
  )


@pytest.mark.parametrize(
  'path',
  [p for p in sorted(_EXAMPLES.glob('*.py')) if not _is_run_whole(p)],
  ids=lambda path: path.stem,
)
def test_each_runs_by_the_command_of_its_docstring(path, tmp_path):
  text = path.read_text()
  command = re.search(r'Run it by `python ([^`]+)`', text)
  assert command is not None
  script, *arguments = shlex.split(command[1])
  assert script == f'examples/{path.name}'
  # A few steps and calls of the learner.
  copy = tmp_path / path.name
  copy.write_text(re.sub(r'\b\d+_000\)|\b500\)', '30)', text))
  # Fresh: an example may import Acme first, which this package mends.
  result = fresh.run(str(copy), *arguments, cwd=tmp_path)
  if arguments:
    # What it is to read is not there, and it comes as far as that.
    assert 'FileNotFoundError' in result.stderr.splitlines()[-1]
  else:
    assert result.returncode == 0, result.stderr


def test_what_rewrites_samples_is_kept_from_windows(point_mass, config):
  environment = point_mass(0)
  agent = _load('normalised_observations').make_agent(
    acme.make_environment_spec(environment), config
  )
  with pytest.raises(ValueError, match=r'later ones.*returns=OneStep\(\)'):
    _returns(environment, agent, 100)


def test_normalised_observations(point_mass, config):
  config = dataclasses.replace(config, returns=quinoa.OneStep())
  environment = point_mass(0)
  agent = _load('normalised_observations').make_agent(
    acme.make_environment_spec(environment), config
  )
  [before] = agent.get_variables(['normalization_variables'])
  [policy] = agent.get_variables(['policy'])
  _returns(environment, agent, 100)
  [after] = agent.get_variables(['normalization_variables'])
  np.testing.assert_array_equal(before.mean, [0, 0])
  # Those of what the learner sampled, which spreads less than the unit normal.
  assert np.all(after.mean != before.mean)
  assert np.all((after.std > 0.01) & (after.std < 0.9))
  [learnt] = agent.get_variables(['policy'])
  assert _differ(policy.params, learnt.params)


def _differ(left, right) -> bool:
  same = jax.tree_util.tree_map(np.array_equal, left, right)
  return not all(jax.tree_util.tree_leaves(same))


# Sizes for the point mass, on which a thousand steps show learning.
_SIZES = {
  'discount': 0.95,
  'batch_size': 64,
  'samples_per_insert': 64.0,
  'num_sgd_steps_per_step': 5,
  'min_replay_size': 320,
}


def test_gail(point_mass):
  environment = point_mass(0)
  spec = acme.make_environment_spec(environment)
  demonstrations, expert_return = _demonstrate(environment, spec, 20)
  agent = _load('gail').make_agent(
    spec,
    dataclasses.replace(
      quinoa.QuinoaConfig.debug(),
      fit=quinoa.CriticFit(hidden_sizes=(64,)),
      returns=quinoa.OneStep(),
      learning_rate=1e-3,
      **_SIZES,
    ),
    demonstrations,
  )
  returns = _returns(environment, agent, 750)
  assert np.mean(returns[:5]) < 0.3 * expert_return
  assert np.mean(returns[-5:]) > 0.6 * expert_return


def _demonstrate(environment, spec, num_episodes):
  """Transitions of a damped spring's, and their mean return."""
  replay = replay_lib.TransitionReplay(spec, 10_000, seed=0)
  adder = adders.ReplayAdder(replay)
  total = 0.0
  for _ in range(num_episodes):
    timestep = environment.reset()
    adder.add_first(timestep)
    while not timestep.last():
      position, velocity = timestep.observation
      action = np.clip(-5 * position - 2 * velocity, -1, 1)
      action = np.array([action], np.float32)
      timestep = environment.step(action)
      adder.add(action, timestep)
      total += timestep.reward
  return replay, total / num_episodes


def test_numpy_policy(tmp_path):
  # As flows are exported and run by it: tests/export/exporting_test.py.
  (tmp_path / 'policy.json').write_text(
    json.dumps(
      {
        'functions': {
          'mode': {
            'nodes': [
              {
                'op': 'MatMul',
                'inputs': ['observation', 'w'],
                'output': 'value_0',
                'attributes': {},
              },
              {
                'op': 'ReduceSum',
                'inputs': ['value_0', 'axes'],
                'output': 'action',
                'attributes': {'keepdims': 0},
              },
            ],
            'output': {'name': 'action'},
          }
        }
      }
    )
  )
  np.savez(tmp_path / 'policy.npz', w=2.0 * np.eye(3), axes=np.array([-1]))
  policy = _load('numpy_policy').Policy(tmp_path)
  assert policy('mode', {'observation': np.ones((2, 3))}).tolist() == [6, 6]


@pytest.mark.computes
def test_flow_for_sac(point_mass):
  class PaidMore(point_mass):
    """Acme's SAC begins with a temperature of one, which is dear here."""

    def step(self, action):
      timestep = super().step(action)
      return timestep._replace(reward=np.float32(5) * timestep.reward)

  environment = PaidMore(0)
  agent = _load('flow_for_sac').make_agent(
    acme.make_environment_spec(environment),
    dataclasses.replace(
      sac.SACConfig(hidden_sizes=(64, 64), learning_rate=2e-3, **_SIZES),
      discount=0.9,
    ),
    networks_lib.RealNVPConfig(num_couplings=2, hidden_sizes=(32,)),
  )
  returns = np.array(_returns(environment, agent, 1500)) / 5
  assert np.mean(returns[:6]) < 15
  assert np.mean(returns[-6:]) > 30


# Replay is large enough at the end of an episode of 50 steps, or amid one.
@pytest.mark.parametrize('min_replay_size', [50, 40])
def test_second_table(point_mass, config, min_replay_size):
  config = dataclasses.replace(config, min_replay_size=min_replay_size)
  rows = loggers.InMemoryLogger()
  server = _load('second_table').train(point_mass(0), config, 150, rows)
  client = server.localhost_client()
  returns = {float(row['episode_return']) for row in rows._data}
  assert len(returns) == 3
  info = client.server_info()
  assert info['episodes'].current_size == 3
  # The learner kept its pace beside it.
  sampled = info['priority_table'].rate_limiter_info.sample_stats.completed
  assert sampled >= 16 * (150 - min_replay_size - config.window)
  for sample in client.sample('episodes', 5, emit_timesteps=False):
    rewards = sample.data[2]
    assert rewards.shape == (51,)
    assert min(abs(rewards.sum() - value) for value in returns) < 1e-3
  server.stop()


def test_own_networks(point_mass, config):
  environment = point_mass(0)
  spec = acme.make_environment_spec(environment)
  networks = _load('own_networks').make_networks(config, spec)
  counter = counting.Counter()
  agent = layouts.make_local_layout(
    config,
    spec,
    quinoa.QuinoaBuilder,
    networks,
    quinoa.make_policy(networks),
    counter=counter,
  )
  [before] = agent.get_variables(['value'])
  _returns(environment, agent, 100)
  [after] = agent.get_variables(['value'])
  assert 'residual_value/linear' in after
  assert _differ(before, after)
  assert counter.get_counts()['steps'] >= 50


def test_learner_alone():
  learn = _load('learner_alone').learn
  config = dataclasses.replace(
    quinoa.QuinoaConfig.debug(), returns=quinoa.OneStep()
  )
  assert learn(config, 0) > 0.9
  assert learn(config, 100) < 0.6


class _Source(core.VariableSource):
  """Gives what it was given."""

  def __init__(self, variables):
    self._variables = variables

  def get_variables(self, names):
    return [self._variables for _ in names]


def test_own_loop(tmp_path):
  name = 'gymnasium:Pendulum-v1'
  run = experiment.ExperimentConfig(
    # The base's mode leaves nothing to chance.
    agent=dataclasses.replace(
      quinoa.QuinoaConfig.debug(), evaluation_policy=quinoa.BaseMode()
    ),
    environment_factory=environments.EnvironmentFactory(name),
    env_name=name,
    workdir=str(tmp_path),
    num_steps=300,
    eval_every=300,
    evaluation_episodes=1,
  )
  local.run(run)
  example = _load('own_loop')
  environment = run.environment_factory(0)
  spec = acme.make_environment_spec(environment)
  actor_core, variables = example.load(run, spec)
  total = example.run_episode(environment, actor_core, variables, seed=0)
  assert variables.temperature != run.agent.temperature.initial
  # Acme's actor, given the same parameters, does the same.
  agent = run.make_agent()
  actor = agent.make_builder(spec, loggers.NoOpLogger).make_actor(
    jax.random.PRNGKey(1),
    agent.make_evaluation_policy(agent.make_networks(spec)),
    variable_source=_Source(variables),
  )
  [expected] = _returns(run.environment_factory(0), actor, 1)
  assert total == pytest.approx(expected, rel=1e-5)


_LOAD = """
import sys
import numpy as np
import quinoa_acme
try:
  quinoa_acme.load_policy('run')
except ValueError as error:
  assert '--modules=' in str(error), error
else:
  raise AssertionError('It was loaded without its module.')
policy = quinoa_acme.load_policy('run', modules=sys.argv[1])
assert np.all(np.abs(policy(np.zeros((3, 5)))) <= 1.0)
print(policy.learner_steps, 'updates')
"""


def _check_trains_and_acts(
  name: str, tmp_path: pathlib.Path, *flags: str
) -> tuple[str, ...]:
  """Trains, goes on, evaluates, and loads what came of it.

  Each is a process; the first imports all itself.
  """
  path = str(_EXAMPLES / f'{name}.py')
  arguments = (
    path,
    '--env_name=control:cartpole:swingup',
    '--preset=debug',
    '--workdir=run',
    '--run_distributed=false',
    '--evaluation_episodes=1',
    *flags,
  )
  first = fresh.run(*arguments, '--num_steps=120', cwd=tmp_path)
  assert first.returncode == 0, first.stderr
  assert 'Done after 120 steps' in first.stdout
  again = warm.run_well(*arguments, '--num_steps=150', cwd=tmp_path)
  assert 'Done after 150 steps' in again
  script = str(_EXAMPLES.parent / 'experiments' / 'evaluate.py')
  refused = warm.run(script, '--workdir=run', cwd=tmp_path)
  assert refused.returncode == 1
  assert "--modules='path/to/your/script.py'" in refused.stderr
  evaluated = warm.run_well(
    script, '--workdir=run', '--episodes=1', f'--modules={path}', cwd=tmp_path
  )
  assert evaluated.splitlines()[-1].startswith('Return: ')
  loaded = warm.run_well('-c', _LOAD, path, cwd=tmp_path)
  assert re.fullmatch(r'[1-9]\d* updates\n', loaded)
  return arguments


def test_own_agent(tmp_path):
  arguments = _check_trains_and_acts('own_agent', tmp_path, '--sigma=0.2')
  other = warm.run(*arguments, '--sigma=0.3', cwd=tmp_path)
  assert other.returncode == 1
  assert 'sigma: was 0.2, is now 0.3' in other.stderr
  said = warm.run_well(arguments[0], '--help', cwd=tmp_path)
  assert '  --sigma\n      (default: 0.1)' in said
  assert 'TD3Config:' in said


def test_own_flow(tmp_path):
  flow = '--flow=HistogramConfig(num_bins=8, hidden_sizes=(8,))'
  _check_trains_and_acts('own_flow', tmp_path, flow)


def test_conditional_density(tmp_path):
  said = warm.run_well(str(_EXAMPLES / 'conditional_density.py'), cwd=tmp_path)
  nats = float(re.findall(r'-?\d+\.\d\d', said)[0])
  # One of two arcs of deviation 0.1: -log(2 * 0.1 * sqrt(2 pi e)) is 0.19, and
  # more where they cross or are reflected.
  assert 0.0 < nats < 0.6
  assert (tmp_path / 'conditional_density.png').stat().st_size > 5000
