"""A run in an environment of one's own is evaluated in such a one."""

import functools
import json
import pathlib
import sys

import pytest
import warm

from quinoa_acme import environments
from quinoa_acme.agents import quinoa
from quinoa_acme.runs import experiment
from quinoa_acme.runs import factories
from quinoa_acme.runs import local
from quinoa_acme.runs import running
from quinoa_acme.runs.checkpoints import run_folder

_SCRIPT = pathlib.Path(__file__).parents[2] / 'experiments' / 'evaluate.py'

_TASKS = """
from acme import wrappers
from quinoa_acme import environments

def make(seed):
  environment = environments.make_environment('control:cartpole:swingup', seed)
  return wrappers.StepLimitWrapper(environment, 30)

nothing = 1
"""


@pytest.fixture(scope='module')
def run(tmp_path_factory):
  """The folder of a run in an environment of the module `own_tasks`."""
  folder = tmp_path_factory.mktemp('own')
  (folder / 'own_tasks.py').write_text(_TASKS)
  make = factories.find(f'{folder}/own_tasks.py:make')
  # As its module would have it.
  make.__module__ = 'own_tasks'
  config = _config(folder, make)
  run_folder.begin(config.workdir, config.describe(), config.make_spec())
  return folder


def _config(folder, make):
  return experiment.ExperimentConfig(
    agent=quinoa.QuinoaConfig.debug(),
    environment_factory=make,
    env_name='19',
    workdir=str(folder / 'run'),
    num_steps=110,
    evaluation_episodes=1,
  )


def test_the_run_says_where_its_factory_is(run):
  plain = json.loads((run / 'run' / 'config.json').read_text())
  assert plain['environment_factory'] == 'own_tasks:make'
  with pytest.raises(ValueError, match='--environment=own_tasks:make'):
    running.read_config(str(run / 'run'))


def test_one_by_name_needs_none():
  factory = environments.EnvironmentFactory('control:cartpole:swingup')
  assert factories.name_of(factory) is None


def test_what_is_no_function_is_named_as_far_as_it_goes():
  class Makes:
    def __call__(self, seed):
      raise NotImplementedError

  name = f'{__name__}:test_what_is_no_function'
  assert factories.name_of(Makes()).startswith(name)
  partial = functools.partial(environments.make_environment, 'name')
  assert (
    factories.name_of(partial)
    == 'quinoa_acme.environments.factory:make_environment'
  )


@pytest.fixture(scope='module')
def trained(run):
  """The same, with a policy."""
  local.run(_config(run, factories.find(f'{run}/own_tasks.py:make')))
  return run


@pytest.mark.slow
@pytest.mark.parametrize('place', ['own_tasks', 'own_tasks.py'])
def test_the_script_evaluates_it(trained, place):
  run = trained
  flags = ('--workdir=run', '--episodes=2', f'--environment={place}:make')
  lines = warm.run_well(str(_SCRIPT), *flags, cwd=run).splitlines()
  assert lines[0].startswith('19 after ')
  assert lines[-1].startswith('Return: ')


def test_python_reads_its_configuration(run, monkeypatch):
  monkeypatch.chdir(run)
  monkeypatch.setattr(sys, 'path', [*sys.path])
  for given in (lambda seed: 'made', 'own_tasks:make'):
    config = running.read_config('run', given)
    assert config.env_name == '19'
    assert config.num_steps == 110
  assert config.environment_factory(0).observation_spec().shape == (5,)


@pytest.mark.parametrize(
  ('text', 'message'),
  [
    ('make', 'expected module:function'),
    ('nowhere:make', "No module named 'nowhere'"),
    ('nowhere.py:make', 'not found, FileNotFoundError'),
    ('json:make', 'not found, AttributeError'),
    ('math:pi', 'cannot be called'),
  ],
)
def test_what_is_not_there_is_said(text, message):
  with pytest.raises(ValueError, match=message) as error:
    factories.find(text)
  assert f'environment={text!r}' in str(error.value)


def test_a_run_of_an_older_version_gets_a_hint(run, tmp_path):
  plain = json.loads((run / 'run' / 'config.json').read_text())
  del plain['environment_factory']
  (tmp_path / 'config.json').write_text(json.dumps(plain))
  with pytest.raises(ValueError, match="Unknown environment '19'") as error:
    running.read_config(str(tmp_path))
  assert '--environment=' in str(error.value)
