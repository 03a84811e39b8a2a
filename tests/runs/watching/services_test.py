"""Tests of the loggers' names, and of runs that send to services."""

import dataclasses
import json
import pathlib
import re
import sys

import launching
import pytest

from quinoa_acme import environments
from quinoa_acme.agents import quinoa
from quinoa_acme.runs import evaluation_limits
from quinoa_acme.runs import experiment
from quinoa_acme.runs import running
from quinoa_acme.runs.watching import services
from quinoa_acme.utils import extras

_NAME = 'control:cartpole:swingup'


@pytest.mark.parametrize(
  ('names', 'says'),
  [
    ('csv', 'must be names of'),
    ((3,), 'must be names of'),
    (('csv', 'comet'), "there is no logger 'comet'"),
    (('csv', 'csv'), 'names one twice'),
    (('wandb',), "must contain 'csv'"),
    ((), "must contain 'csv'.* is empty"),
  ],
)
def test_wrong_names_are_refused(names, says):
  with pytest.raises(ValueError, match=says):
    services.check_names(names)


@pytest.mark.parametrize('name', services.SERVICES)
def test_a_missing_extra_is_named(name, tmp_path, monkeypatch):
  # wandb makes a folder of its name where a program runs; it is no package.
  (tmp_path / name).mkdir()
  monkeypatch.setattr(sys, 'path', [str(tmp_path)])
  monkeypatch.delitem(sys.modules, name, raising=False)
  services.check_installed(('csv', 'tensorboard'))
  with pytest.raises(extras.MissingExtraError) as error:
    services.check_installed(('csv', name))
  assert f"pip install 'quinoa-acme[{name}]'" in str(error.value)
  assert '\n' not in str(error.value)


def test_other_machines_send_to_no_service():
  services.check_here(('csv', 'tensorboard'), 'vertex_ai')
  with pytest.raises(ValueError, match=r'--logger=mlflow is for .*=vertex_ai'):
    services.check_here(('csv', 'mlflow'), 'vertex_ai')


def _make_config(workdir: pathlib.Path, **options):
  agent = dataclasses.replace(
    quinoa.QuinoaConfig.debug(), batch_size=8, value_hidden_sizes=(8,)
  )
  return experiment.ExperimentConfig(
    agent,
    environments.EnvironmentFactory(_NAME),
    _NAME,
    str(workdir),
    eval_every=60,
    evaluation_episodes=1,
    evaluation_limit=evaluation_limits.TruncateAfter(20),
    **options,
  )


def _sent(workdir: pathlib.Path, name: str):
  return json.loads((workdir / f'{name}.json').read_text())


@pytest.mark.slow
def test_a_run_in_one_process_sends_all_and_resumes(tmp_path, monkeypatch):
  monkeypatch.setenv('WANDB_MODE', 'offline')
  monkeypatch.delenv('MLFLOW_TRACKING_URI', raising=False)
  names = ('csv', *services.SERVICES)
  config = _make_config(tmp_path / 'run', num_steps=120, loggers=names)
  assert running.run(config, launch_type=None) == 0
  workdir = pathlib.Path(config.workdir)
  assert not (workdir / 'tensorboard').exists()
  assert running.read_config(workdir).loggers == names
  before = {name: _sent(workdir, name) for name in services.SERVICES}
  for sent in before.values():
    assert sent['sent']['evaluator'][0] == 120
    assert set(sent['sent']) >= {'learner', 'evaluator', 'memory'}
  # What is sent may differ each time that a run resumes.
  more = dataclasses.replace(config, num_steps=130, loggers=('csv', 'mlflow'))
  assert running.run(more, launch_type=None) == 0
  after = _sent(workdir, 'mlflow')
  assert after['state'] == before['mlflow']['state']
  assert after['sent']['evaluator'][0] == 130
  assert _sent(workdir, 'wandb') == before['wandb']


@pytest.mark.slow
def test_a_service_that_fails_ends_no_run(tmp_path, monkeypatch, capfd):
  # Nothing listens there.
  monkeypatch.setenv('MLFLOW_TRACKING_URI', 'http://127.0.0.1:9')
  workdir = tmp_path / 'run'
  config = _make_config(workdir, num_steps=120, loggers=('csv', 'mlflow'))
  assert running.run(config, launch_type=None) == 0
  assert (workdir / 'learning_curve.png').exists()
  said = capfd.readouterr().err
  assert said.count('warning: mlflow fails, and the run goes on') == 1
  assert said.count('mlflow did not get all rows') == 1
  assert not (workdir / 'mlflow.json').exists()


@pytest.mark.slow
def test_a_distributed_run_is_one_run_of_a_service(tmp_path, monkeypatch):
  monkeypatch.delenv('MLFLOW_TRACKING_URI', raising=False)
  workdir = tmp_path / 'run'
  process = launching.start(
    '--logger=csv,mlflow',
    '--num_steps=1200',
    f'--workdir={workdir}',
  )
  try:
    _, errors = launching.finish(process)
  finally:
    launching.end_all()
  assert process.returncode == 0, errors
  assert 'warning' not in errors
  assert set(_sent(workdir, 'mlflow')['sent']) >= {
    'actor_0',
    'evaluator',
    'learner',
    'memory',
  }
  [run] = workdir.glob('mlruns/*/*/meta.yaml')
  assert re.search('^status: 3$', run.read_text(), re.MULTILINE)
