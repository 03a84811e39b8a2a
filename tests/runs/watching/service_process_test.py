"""Tests of sending rows: wandb in its offline mode, MLflow with its files."""

import collections
import contextlib
import json
import pathlib
import threading

import pytest

from quinoa_acme.runs.watching import loggers
from quinoa_acme.runs.watching import service_process


@pytest.fixture
def workdir(tmp_path, monkeypatch) -> pathlib.Path:
  """A run's folder with a row of each of two logs."""
  # Only now: they take seconds to import.
  for name in ('mlflow', 'wandb'):
    pytest.importorskip(name)
  for name in ('WANDB_PROJECT', 'MLFLOW_TRACKING_URI'):
    monkeypatch.delenv(name, raising=False)
  monkeypatch.setenv('WANDB_MODE', 'offline')
  folder = tmp_path / 'mine'
  folder.mkdir()
  config = {'seed': 3, 'agent': {'type': 'X', 'text': 'x' * 9000}}
  (folder / 'config.json').write_text(json.dumps(config))
  _log(folder, 'learner', 10, loss=0.5)
  _log(folder, 'evaluator', 100, episode_return=7)
  return folder


def _log(workdir: pathlib.Path, role: str, step: int, **values) -> None:
  key = service_process.steps_key_of(role)
  logger = loggers.make_logger(
    workdir, role, steps_key=key, last_step=step, tensorboard=False
  )
  with contextlib.closing(logger):
    logger.write({key: step, **values})


def _send(name: str, workdir: pathlib.Path, is_finished: bool = True) -> None:
  sender = service_process.Sender(name, workdir)
  sender.send()
  sender.close(is_finished)


def _read_mlflow(workdir: pathlib.Path):
  """The only run, and the steps and values of its metrics."""
  import mlflow

  client = mlflow.MlflowClient((workdir / 'mlruns').as_uri())
  experiment = client.get_experiment_by_name(service_process.PROJECT)
  [run] = client.search_runs([experiment.experiment_id])
  return run, {
    key: [
      (x.step, x.value) for x in client.get_metric_history(run.info.run_id, key)
    ]
    for key in run.data.metrics
  }


def _read_wandb(workdir: pathlib.Path):
  """The runs' ids, and the steps and values by name, of all parts in turn."""
  from wandb.proto import wandb_internal_pb2
  from wandb.sdk.internal import datastore

  ids, values = set(), collections.defaultdict(list)
  for path in sorted(workdir.glob('wandb/offline-run-*/*.wandb')):
    store = datastore.DataStore()
    store.open_for_scan(str(path))
    # It has no method to close it.
    with contextlib.closing(store._fp):
      while (data := store.scan_data()) is not None:
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        if record.HasField('run'):
          ids.add((record.run.run_id, record.run.project))
        for item in record.history.item:
          name = item.key or '/'.join(item.nested_key)
          value = json.loads(item.value_json)
          values[name].append((record.history.step.num, value))
  return ids, values


def test_mlflow_has_each_row_once_and_resumes_in_the_same_run(workdir):
  _send('mlflow', workdir, is_finished=False)
  run, metrics = _read_mlflow(workdir)
  assert run.info.status == 'KILLED'
  assert run.info.run_name == 'mine'
  assert run.data.params['seed'] == '3'
  assert run.data.params['agent.type'] == 'X'
  assert metrics == {
    'learner/loss': [(10, 0.5)],
    'learner/learner_steps': [(10, 10)],
    'evaluator/episode_return': [(100, 7)],
    'evaluator/actor_steps': [(100, 100)],
  }
  # The run resumes from before its last row, and makes that step again.
  loggers.drop_rows_after(workdir / 'logs' / 'learner.csv', 'learner_steps', 5)
  _log(workdir, 'learner', 8, loss=0.6)
  _log(workdir, 'learner', 20, loss=0.4)
  _send('mlflow', workdir)
  again, metrics = _read_mlflow(workdir)
  assert again.info.run_id == run.info.run_id
  assert again.info.status == 'FINISHED'
  assert metrics['learner/loss'] == [(10, 0.5), (20, 0.4)]
  assert metrics['evaluator/episode_return'] == [(100, 7)]


def test_wandb_has_each_row_once_and_resumes_in_the_same_run(workdir):
  _send('wandb', workdir)
  _log(workdir, 'learner', 20, loss=float('nan'), other=1)
  _send('wandb', workdir)
  [(run_id, project)], values = _read_wandb(workdir)
  assert project == service_process.PROJECT
  saved = json.loads((workdir / 'wandb.json').read_text())
  assert saved['state'] == {'run_id': run_id, 'project': project}
  (first, loss), (second, nan) = values['learner/loss']
  assert loss == 0.5
  assert nan != nan or nan == 'NaN'
  assert values['learner/learner_steps'] == [(first, 10), (second, 20)]
  # wandb's own steps go on too, as it wants them to.
  assert first < second
  [(_, episode_return)] = values['evaluator/episode_return']
  assert episode_return == 7
  # The names are those of the logs.
  ours = {name for name in values if not name.startswith('_')}
  assert ours == {
    f'{role}/{name}'
    for role, names in {
      'learner': ['learner_steps', 'loss', 'other'],
      'evaluator': ['actor_steps', 'episode_return'],
    }.items()
    for name in names
  }


def test_a_service_that_fails_is_told_of_once_and_tried_again(
  workdir, monkeypatch
):
  monkeypatch.setattr(service_process, '_SECONDS', 0.01)
  monkeypatch.setattr(service_process, '_LONGEST_SECONDS', 0.1)
  # A file where the store's folder is to be.
  store = workdir / 'mlruns'
  store.write_text('in the way')
  warnings, ended, looks = [], threading.Event(), []
  sender = service_process.Sender('mlflow', workdir)
  send = sender.send

  def look():
    looks.append(len(warnings))
    if len(looks) == 3:
      store.unlink()
      ended.set()
    send()

  monkeypatch.setattr(sender, 'send', look)
  assert (
    service_process.follow(sender, ended, lambda: True, warnings.append) == 0
  )
  assert looks[:3] == [0, 1, 1]
  assert len(warnings) == 1
  _, metrics = _read_mlflow(workdir)
  assert metrics['learner/loss'] == [(10, 0.5)]


def test_what_is_never_sent_is_an_error(workdir, monkeypatch):
  monkeypatch.setattr(service_process, '_SECONDS', 0.01)
  (workdir / 'mlruns').write_text('in the way')
  sender = service_process.Sender('mlflow', workdir)
  ended, warnings = threading.Event(), []
  ended.set()
  status = service_process.follow(sender, ended, lambda: True, warnings.append)
  assert status == 1
  assert len(warnings) == 1


@pytest.mark.parametrize('text', ['', '[]', '{"state": 3}', '{"state": {}}'])
def test_a_torn_memory_is_refused_by_name(workdir, text):
  (workdir / 'wandb.json').write_text(text)
  with pytest.raises(ValueError, match=r'wandb\.json is not as a run writes'):
    service_process.Sender('wandb', workdir)
