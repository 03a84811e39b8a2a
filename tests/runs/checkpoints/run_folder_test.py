"""Tests of what a run's folder says: what the run is, and whose it is."""

import dataclasses
import errno
import fcntl
import json
import os
import pathlib
import signal
import subprocess
import sys

from acme import specs
import numpy as np
import pytest

from quinoa_acme.agents import quinoa
from quinoa_acme.agents import sac
from quinoa_acme.runs import running
from quinoa_acme.runs.checkpoints import run_folder
from quinoa_acme.utils import checkpointing

_NAME = 'control:cartpole:balance'


@pytest.fixture
def config(tmp_path):
  return running.make_config(
    env_name=_NAME,
    algorithm='quinoa',
    preset='debug',
    overrides={},
    workdir=str(tmp_path / 'run'),
  )


def _replace_agent(config, **changes):
  return dataclasses.replace(
    config, agent=dataclasses.replace(config.agent, **changes)
  )


@pytest.mark.parametrize(
  'changes',
  [
    {'num_steps': 200_000},
    {'eval_every': 5000, 'evaluation_episodes': 3, 'checkpoint_every': 5.0},
  ],
)
def test_length_and_pace_may_change(config, changes):
  config.write_json()
  other = dataclasses.replace(config, **changes)
  run_folder.check_unchanged(config.workdir, other.describe())


def test_a_folder_that_was_moved_is_the_same_run(config, tmp_path):
  config.write_json()
  moved = tmp_path / 'moved'
  os.rename(config.workdir, moved)
  other = dataclasses.replace(config, workdir=str(moved))
  run_folder.check_unchanged(other.workdir, other.describe())


def test_what_a_run_is_may_not_change_and_all_that_would_is_named(config):
  config.write_json()
  other = _replace_agent(
    dataclasses.replace(config, seed=3),
    batch_size=64,
    value_hidden_sizes=(16,),
    temperature=quinoa.FixedTemperature(0.1),
  )
  with pytest.raises(run_folder.WorkdirError) as error:
    run_folder.check_unchanged(config.workdir, other.describe())
  lines = str(error.value).splitlines()
  assert lines[0] == f'{config.workdir} holds a run with other options:'
  assert '  seed: was 0, is now 3' in lines
  assert '  batch_size: was 32, is now 64' in lines
  assert '  value_hidden_sizes: was (32,), is now (16,)' in lines
  [temperature] = [line for line in lines if 'temperature' in line][:1]
  assert 'was MultiplierTemperature(epsilon=1.69, ' in temperature
  assert temperature.endswith('is now FixedTemperature(value=0.1)')
  # What is to be added, as it is.
  flag = lines[-1].split()[-1]
  allowed = flag.removeprefix('--allow_changes=').split(',')
  run_folder.check_unchanged(config.workdir, other.describe(), allowed)
  with pytest.raises(run_folder.WorkdirError, match=r'seed: was 0') as error:
    run_folder.check_unchanged(config.workdir, other.describe(), allowed[1:])
  assert 'batch_size: was' not in str(error.value)


def test_another_agent_is_another_run(config):
  config.write_json()
  other = dataclasses.replace(config, agent=sac.SACConfig.debug())
  with pytest.raises(
    run_folder.WorkdirError, match='agent: was QuinoaConfig, is now SACConfig'
  ):
    run_folder.check_unchanged(config.workdir, other.describe())


def test_a_field_that_was_not_there_had_its_default(config):
  path = config.write_json()
  plain = json.loads(path.read_text())
  del plain['agent']['conservatism']
  path.write_text(json.dumps(plain))
  run_folder.check_unchanged(config.workdir, config.describe())
  changed = dataclasses.replace(
    config, agent=dataclasses.replace(config.agent, conservatism=0.5)
  )
  with pytest.raises(
    run_folder.WorkdirError, match=r'conservatism: was 0\.0, is now 0\.5'
  ):
    run_folder.check_unchanged(config.workdir, changed.describe())


def test_another_action_repeat_is_another_run(config):
  path = config.write_json()
  plain = json.loads(path.read_text())
  assert run_folder.read_action_repeat(config.workdir) == 1
  # A run of before there was one, too.
  del plain['action_repeat']
  path.write_text(json.dumps(plain))
  run_folder.check_unchanged(config.workdir, config.describe())
  assert run_folder.read_action_repeat(config.workdir) == 1
  assert running.read_config(config.workdir).action_repeat == 1
  other = dataclasses.replace(config, action_repeat=2)
  with pytest.raises(
    run_folder.WorkdirError, match='action_repeat: was 1, is now 2'
  ):
    run_folder.check_unchanged(config.workdir, other.describe())
  other.write_json()
  assert run_folder.read_action_repeat(config.workdir) == 2
  assert running.read_config(config.workdir).action_repeat == 2


def test_a_torn_description_is_named(config):
  path = config.write_json()
  path.write_text(path.read_text()[:100])
  with pytest.raises(ValueError, match=r'config\.json is not as a run writes'):
    run_folder.read_agent(config.workdir)


def test_other_specs_are_refused(tmp_path, make_spec):
  run_folder.write_spec(str(tmp_path), make_spec())
  run_folder.write_spec(str(tmp_path), make_spec())
  other = make_spec(specs.Array((4,), np.float32, 'observation'))
  with pytest.raises(
    run_folder.WorkdirError,
    match=r'observations: were .*\[3\].*are now .*\[4\]',
  ):
    run_folder.write_spec(str(tmp_path), other)


@pytest.mark.parametrize('launch_type', [None, 'local_mp'])
def test_a_run_with_other_options_does_not_start(config, launch_type, capsys):
  path = config.write_json()
  before = path.read_text()
  other = _replace_agent(config, batch_size=16)
  assert running.run(other, launch_type) == 1
  assert 'batch_size: was 32, is now 16' in capsys.readouterr().err
  assert path.read_text() == before
  assert sorted(x.name for x in path.parent.iterdir()) == [
    'config.json',
    'lock',
  ]


_HOLD = """
import sys, time
from quinoa_acme.runs.checkpoints import run_folder
with run_folder.hold(sys.argv[1]):
  print('held', flush=True)
  time.sleep(600)
"""


@pytest.mark.parametrize('launch_type', [None, 'local_mp'])
def test_a_folder_in_use_is_refused_and_free_after_a_crash(
  config, launch_type, capsys
):
  with subprocess.Popen(
    [sys.executable, '-c', _HOLD, config.workdir],
    stdout=subprocess.PIPE,
    text=True,
  ) as process:
    try:
      assert process.stdout is not None
      assert process.stdout.readline() == 'held\n'
      assert running.run(config, launch_type) == 1
      error = capsys.readouterr().err
      assert f'is in use by process {process.pid} on ' in error
      assert error.count('\n') == 1
      assert not (pathlib.Path(config.workdir) / 'config.json').exists()
    finally:
      process.send_signal(signal.SIGKILL)
  with run_folder.hold(config.workdir):
    pass


def test_a_disk_without_locks_is_no_hindrance(config, monkeypatch, caplog):
  def flock(file, operation):
    del file, operation
    raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

  monkeypatch.setattr(fcntl, 'flock', flock)
  with run_folder.hold(config.workdir):
    assert 'cannot be locked' in caplog.text
    assert 'as did' not in caplog.text
    # What says whose it is, is there all the same.
    with run_folder.hold(config.workdir):
      assert f'may do still, process {os.getpid()} on' in caplog.text


def test_the_folder_of_a_run_that_lost_its_description_is_refused(config):
  folder = run_folder.learner_checkpoints(config.workdir)
  checkpointing.save(folder, 5, {'x': np.zeros(1)})
  with pytest.raises(run_folder.WorkdirError, match=r'no config\.json'):
    run_folder.check_unchanged(config.workdir, config.describe())


def test_an_empty_description_is_named(config):
  path = config.write_json()
  path.write_bytes(b'')
  with pytest.raises(run_folder.WorkdirError, match='is not as a run writes'):
    run_folder.check_unchanged(config.workdir, config.describe())


def test_a_folder_that_can_not_be_written_to_is_refused(config, tmp_path):
  (tmp_path / 'file').write_text('')
  other = dataclasses.replace(config, workdir=str(tmp_path / 'file' / 'run'))
  with (
    pytest.raises(run_folder.WorkdirError, match='Cannot write to'),
    run_folder.hold(other.workdir),
  ):
    pass
