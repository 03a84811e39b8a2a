"""The script as a user runs it: every launch mode is really launched."""

import csv
import functools
import json
import os
import pathlib
import re
import shutil
import signal
import time
from typing import NamedTuple

import launching
import numpy as np
import pytest
import waiting
import warm

import quinoa_acme
from quinoa_acme.utils import checkpointing

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _end_processes():
  yield
  launching.end_all()


_NUM_STEPS = 1200


def _rows(workdir: pathlib.Path, label: str) -> list[dict[str, str]]:
  with (workdir / 'logs' / f'{label}.csv').open() as file:
    return list(csv.DictReader(file))


def _check_finished(
  workdir, output, errors, status, num_actors=1, num_environments=1
):
  assert status == 0, errors
  lines = output.splitlines()
  assert lines[0] == f'Workdir: {workdir}'
  assert lines[-1] == f'Workdir: {workdir}'
  assert lines[-2].startswith('Done after')
  assert (workdir / 'learning_curve.png').stat().st_size > 1000
  assert list((workdir / 'checkpoints').glob('*/checkpoint-*.npz'))
  config = json.loads((workdir / 'config.json').read_text())
  assert config['agent']['batch_size'] == 32
  policy = quinoa_acme.load_policy(str(workdir))
  assert policy.learner_steps > 0
  assert policy(np.zeros(5)).shape == (1,)
  evaluations = _rows(workdir, 'evaluator')
  # Each actor hears of the others' steps once in fifty of its own, at the end
  # of a turn of its environments.
  steps_beyond = float(evaluations[-1]['actor_steps']) - _NUM_STEPS
  assert 0 <= steps_beyond < (49 + num_environments) * num_actors
  assert _rows(workdir, 'learner')
  for i in range(num_actors):
    assert (workdir / 'logs' / f'actor_{i}.csv').exists()
  assert {path.name for path in (workdir / 'tensorboard').iterdir()} >= {
    'learner',
    'evaluator',
  }


def _check_evaluation(workdir: pathlib.Path) -> None:
  """The script runs what was trained, and says so with an interval."""
  script = str(launching.SCRIPT.with_name('evaluate.py'))
  flags = (f'--workdir={workdir}', '--episodes=2', '--mode=argmax')
  lines = warm.run_well(script, *flags, cwd=workdir).splitlines()
  assert lines[0].startswith('control:cartpole:balance after 1,095 learner')
  assert [line.split(':')[0] for line in lines[1:3]] == [
    'episode 1',
    'episode 2',
  ]
  assert re.fullmatch(
    r"Return: [\d.]+, 95 % interval -?[\d.]+ to [\d.]+ \(Student's t, 2 .*\)",
    lines[3],
  )


def test_one_process(tmp_path):
  process = launching.start(
    '--run_distributed=false',
    f'--num_steps={_NUM_STEPS}',
    f'--workdir={tmp_path}',
  )
  output, errors = launching.finish(process)
  _check_finished(tmp_path, output, errors, process.returncode)
  # The evaluator of a program may come when that is nearly over, if the machine
  # is busy.
  assert float(_rows(tmp_path, 'evaluator')[0]['actor_steps']) == 0
  _check_evaluation(tmp_path)
  # The preset's ratio of one to what is in replay, where windows of the last
  # two steps are not yet; five updates a call.
  assert f'and {_NUM_STEPS - 105:,} updates (0.995 ' in output


class _Finished(NamedTuple):
  """A program that has ended."""

  workdir: pathlib.Path
  temporary_dir: pathlib.Path
  output: str
  errors: str
  status: int


@pytest.fixture(scope='module')
def launch(tmp_path_factory):
  """Launches a program, once for all who ask for the same one."""

  @functools.cache
  def launch(launch_type, num_actors, num_environments):
    workdir, temporary_dir = (
      tmp_path_factory.mktemp(name) for name in (launch_type, 'temporary')
    )
    process = launching.start(
      f'--lp_launch_type={launch_type}',
      f'--num_steps={_NUM_STEPS}',
      f'--num_actors={num_actors}',
      f'--environments_per_actor={num_environments}',
      f'--transitions_per_item={num_environments}',
      # So narrow that actors wait at the limiter when the end comes.
      '--samples_per_insert_tolerance=0.06',
      f'--workdir={workdir}',
      env=os.environ | {'TMPDIR': str(temporary_dir)},
    )
    output, errors = launching.finish(process)
    return _Finished(workdir, temporary_dir, output, errors, process.returncode)

  return launch


@pytest.mark.parametrize(
  ('launch_type', 'num_actors', 'num_environments'),
  [
    ('local_mp', 2, 1),
    ('local_mt', 1, 1),
    ('test_mt', 2, 1),
    ('local_mp', 2, 3),
  ],
)
def test_launchpad(launch_type, num_actors, num_environments, launch):
  run = launch(launch_type, num_actors, num_environments)
  # Nothing is left behind, in the workdir or out of it.
  assert not list(run.temporary_dir.iterdir())
  assert not (run.workdir / 'tmp').exists()
  _check_finished(
    run.workdir,
    run.output,
    run.errors,
    run.status,
    num_actors,
    num_environments,
  )
  # Within the limiter's bounds: a fifth of the 100 steps before learning, both
  # ways, and what is in flight.
  last = _rows(run.workdir, 'evaluator')[-1]
  learner_steps, actor_steps = (
    float(last[key]) for key in ('learner_steps', 'actor_steps')
  )
  assert 0.5 < learner_steps / (actor_steps - 100) < 1.1


@pytest.mark.parametrize(
  ('launch_flag', 'number'),
  [
    ('--lp_launch_type=local_mp', signal.SIGINT),
    ('--lp_launch_type=local_mp', signal.SIGTERM),
    ('--lp_launch_type=local_mp', signal.SIGHUP),
    ('--lp_launch_type=local_mt', signal.SIGTERM),
    ('--run_distributed=false', signal.SIGINT),
  ],
)
def test_signal_ends_the_run_in_short(launch_flag, number, tmp_path):
  process = launching.start(
    launch_flag,
    '--num_steps=1000000',
    # The signal comes between two evaluations.
    '--eval_every=1000000',
    f'--workdir={tmp_path}',
  )
  launching.wait_for_learning(tmp_path, process)
  before = len(_rows(tmp_path, 'evaluator'))
  if number != signal.SIGTERM:
    # As a terminal does: to every process of the group.
    os.killpg(process.pid, number)
  else:
    process.send_signal(number)
  asked = time.monotonic()
  output, errors = launching.finish(process)
  assert time.monotonic() - asked < waiting.allowed(20.0)
  assert process.returncode == 0, errors
  assert output.splitlines()[-1] == f'Workdir: {tmp_path}'
  assert 'Stopped after' in output
  assert (tmp_path / 'learning_curve.png').exists()
  # In one process the checkpoints are numbered by environment steps.
  local = 'run_distributed' in launch_flag
  directory = tmp_path / 'checkpoints' / ('run' if local else 'learner')
  key = 'actor_steps' if local else 'learner_steps'
  saved = checkpointing.latest_step(directory)
  assert saved is not None
  assert saved >= float(_rows(tmp_path, 'learner')[-1][key]) - 100
  # One number everywhere, and a short evaluation of what was saved.
  made = {key: f'{saved:,}'}
  if not local:
    counts = json.loads((tmp_path / 'checkpoints' / 'counts.json').read_text())
    assert counts['learner_steps'] == saved
  assert re.search(
    r'Stopped after {actor_steps} steps and {learner_steps} updates'.format(
      **{'actor_steps': r'[\d,]+', 'learner_steps': r'[\d,]+', **made}
    ),
    output,
  )
  rows = _rows(tmp_path, 'evaluator')
  if local:
    assert len(rows) > before
  # A program's evaluator has but seconds, too few on a machine that is busy;
  # evaluator_node_test shows that it evaluates.
  if len(rows) > before:
    assert float(rows[-1][key]) == saved


def test_nodes_do_not_outlive_a_launcher_that_is_killed(tmp_path):
  process = launching.start(
    '--lp_launch_type=local_mp', '--num_steps=1000000', f'--workdir={tmp_path}'
  )
  launching.wait_for_learning(tmp_path, process)
  commands = launching.commands_of_session(process.pid)
  # The launcher, the counter, the learner, the evaluator and an actor.
  assert len(commands) == 5
  # Forks: no node is an interpreter of its own.
  assert len(set(commands)) == 1
  process.kill()
  launching.finish(process)


def test_resumes_at_the_step_where_it_was(launch, tmp_path):
  run = launch('local_mt', 1, 1)
  assert run.status == 0, run.errors
  # A folder may move.
  shutil.copytree(run.workdir, tmp_path, dirs_exist_ok=True)
  process = launching.start(
    '--lp_launch_type=local_mt',
    f'--num_steps={_NUM_STEPS + 600}',
    '--samples_per_insert_tolerance=0.06',
    f'--workdir={tmp_path}',
  )
  _, errors = launching.finish(process)
  assert process.returncode == 0, errors
  steps = [float(row['learner_steps']) for row in _rows(tmp_path, 'learner')]
  assert steps == sorted(steps)
  assert len(set(steps)) == len(steps)
  actor_steps = [
    float(row['actor_steps']) for row in _rows(tmp_path, 'evaluator')
  ]
  # Each run made the steps that it was to, and none beyond them.
  assert _NUM_STEPS in actor_steps
  assert actor_steps[-1] == _NUM_STEPS + 600


@pytest.mark.parametrize(
  ('flag', 'message'),
  [
    ('--temperature=FixedTemperatur(1.0)', "did you mean 'FixedTemperature'"),
    ('--no_such_flag=1', 'Unknown command line flag'),
  ],
)
def test_bad_flag_is_refused_at_once(flag, message, tmp_path):
  process = launching.start(flag, f'--workdir={tmp_path / "new"}')
  output, errors = process.communicate(timeout=waiting.LIMIT)
  assert process.returncode != 0
  assert message in output + errors
  assert 'Traceback' not in errors
  assert not (tmp_path / 'new').exists()
