"""Training in one process: deterministic, exact in its ratio, resumable."""

from collections.abc import Callable
import csv
import dataclasses
import functools
import itertools
import json
import pathlib
from typing import Any

import jax
import numpy as np
import psutil
import pytest

from quinoa_acme import networks as networks_lib
from quinoa_acme.agents import d4pg
from quinoa_acme.agents import quinoa
from quinoa_acme.agents import sac
from quinoa_acme.agents.common import off_policy
from quinoa_acme.runs import acting_loop
from quinoa_acme.runs import experiment
from quinoa_acme.runs import local
from quinoa_acme.runs.checkpoints import run_state
from quinoa_acme.utils import checkpointing

pytestmark = pytest.mark.slow

# Columns that tell of time, in which no two runs are equal.
_TIMES = {
  'wall_clock',
  'steps_per_second',
  'learner_walltime',
  'training_seconds',
}


@pytest.fixture
def config(tiny_config, point_mass):
  """Makes the configuration of a small run: `config(workdir, **changes)`."""

  def make(workdir: pathlib.Path, **changes) -> experiment.ExperimentConfig:
    config = experiment.ExperimentConfig(
      agent=tiny_config,
      environment_factory=functools.partial(point_mass, num_steps=30),
      env_name='point_mass',
      workdir=str(workdir),
      num_steps=400,
      seed=7,
      eval_every=200,
      evaluation_episodes=2,
    )
    return dataclasses.replace(config, **changes)

  return make


def _rows(workdir: pathlib.Path, label: str) -> list[dict[str, str]]:
  with (workdir / 'logs' / f'{label}.csv').open() as file:
    return [
      {key: value for key, value in row.items() if key not in _TIMES}
      for row in csv.DictReader(file)
    ]


def _state(workdir: pathlib.Path) -> dict[str, Any]:
  """The last checkpoint's arrays and values, without the times."""
  checkpoint = checkpointing.read_latest(workdir / 'checkpoints' / 'run')
  assert checkpoint is not None
  counts = json.loads(checkpoint.values["['counts']"])
  return {
    **checkpoint.arrays,
    **checkpoint.values,
    "['counts']": {k: v for k, v in counts.items() if k not in _TIMES},
  }


def _assert_equal(first: pathlib.Path, second: pathlib.Path) -> None:
  """Compares the rows and the last checkpoints of two runs to the bit."""
  for label in ('learner', 'evaluator', 'actor_0'):
    assert _rows(first, label) == _rows(second, label)
  np.testing.assert_equal(_state(first), _state(second))


def _stop_after(num_questions: int) -> Callable[[], bool]:
  asked = iter([False] * num_questions)
  return lambda: next(asked, True)


def test_a_direct_run_that_was_cut_equals_one_that_was_not(config, tmp_path):
  agent = dataclasses.replace(
    quinoa.QuinoaConfig.debug(),
    flow=networks_lib.EnergyFlowConfig(
      hidden_sizes=(8,), couplings=networks_lib.TiltCouplings(hidden_sizes=(8,))
    ),
    fit=quinoa.DirectFit(proximity=0.3),
  )
  for name, stops in (('uncut', ()), ('cut', (140,))):
    changes = {'agent': agent, 'eval_every': 1000, 'num_steps': 200}
    for stop in stops:
      local.run(config(tmp_path / name, **changes), _stop_after(stop))
    assert local.run(config(tmp_path / name, **changes)).finished
  _assert_equal(tmp_path / 'uncut', tmp_path / 'cut')


def test_a_run_with_action_repeat_that_was_cut_equals_one_that_was_not(
  config, point_mass, tmp_path
):
  seen = []

  class Seen(point_mass):
    def step(self, action):
      timestep = super().step(action)
      seen.append(timestep)
      return timestep

  # Episodes of 30 frames, which end in the middle of a step.
  changes = {
    'environment_factory': functools.partial(Seen, num_steps=30),
    'action_repeat': 4,
    'eval_every': 1000,
    'num_steps': 200,
  }
  local.run(config(tmp_path / 'cut', **changes), _stop_after(83))
  seen.clear()
  assert local.run(config(tmp_path / 'uncut', **changes)).finished
  rows = _rows(tmp_path / 'uncut', 'actor_0')
  assert {row['episode_length'] for row in rows} == {'8'}
  assert [row['actor_frames'] for row in rows][:2] == ['32', '64']
  # Nothing is lost: the episodes' returns are those of their frames.
  rewards = [float(x.reward) for x in seen]
  ends = [i for i, x in enumerate(seen) if x.last()]
  # The first evaluation comes first.
  start = ends[1] + 1
  assert float(rows[0]['episode_return']) == pytest.approx(
    sum(rewards[start : start + 30]), rel=1e-5
  )
  evaluations = _rows(tmp_path / 'uncut', 'evaluator')
  assert evaluations[-1]['actor_frames'] == '800'
  assert local.run(config(tmp_path / 'cut', **changes)).finished
  for label in ('learner', 'actor_0'):
    assert _rows(tmp_path / 'cut', label) == _rows(tmp_path / 'uncut', label)
  state = _state(tmp_path / 'uncut')
  np.testing.assert_equal(_state(tmp_path / 'cut'), state)


class _KilledError(Exception):
  pass


def _kill_after(num_questions: int) -> Callable[[], bool]:
  """Ends the run as a crash does: nothing is saved."""
  asked = itertools.count()

  def ask():
    if next(asked) == num_questions:
      raise _KilledError
    return False

  return ask


def _open_files(folder: pathlib.Path) -> list[str]:
  """What this process has open in a folder."""
  paths = [file.path for file in psutil.Process().open_files()]
  return [path for path in paths if path.startswith(str(folder))]


def test_a_run_that_does_not_begin_closes_its_logs(config, tmp_path):
  def fails(seed):
    raise RuntimeError(f'no simulator for seed {seed}')

  with pytest.raises(RuntimeError, match='no simulator') as error:
    local.run(config(tmp_path, environment_factory=fails))
  assert (tmp_path / 'logs' / 'learner.csv').exists()
  assert not _open_files(tmp_path)
  del error


def test_a_run_that_was_cut_equals_one_that_was_not(config, tmp_path):
  def run(name, should_stop=acting_loop.never, **changes):
    # The evaluations are of two episodes of 30 steps: they ask 60 times, and a
    # look once. There is a checkpoint at every look.
    changes = {'eval_every': 70, 'checkpoint_every': 1e-9, **changes}
    return local.run(config(tmp_path / name, **changes), should_stop)

  assert run('uncut').finished
  # In the second episode, before learning starts; then in the fifth.
  for num_questions, steps in ((111, 50), (142, 130)):
    assert run('cut', _stop_after(num_questions)).actor_steps == steps
  # At step 205; the last checkpoint is of step 140, before the evaluation.
  with pytest.raises(_KilledError) as killed:
    run('cut', _kill_after(137))
  # Not even while its frames are kept, as a debugger and a notebook keep them.
  assert not _open_files(tmp_path)
  del killed
  # In that evaluation.
  assert run('cut', _stop_after(20)).actor_steps == 140
  # Its own end is no other than a stop.
  assert run('cut', num_steps=351).finished
  assert run('cut').finished
  _assert_equal(tmp_path / 'uncut', tmp_path / 'cut')
  rows = _rows(tmp_path / 'cut', 'evaluator')
  steps = [int(row['actor_steps']) for row in rows]
  assert steps == [*range(0, 400, 70), 400]
  run('other', seed=8)
  assert _rows(tmp_path / 'other', 'learner') != _rows(
    tmp_path / 'cut', 'learner'
  )


@pytest.mark.parametrize(
  'agent',
  # The transitions of the last three are of several steps.
  [
    sac.SACConfig.debug(),
    dataclasses.replace(
      sac.SACConfig.simba(),
      layers=sac.ResidualBlocks(8, 1, 8, 1),
      **off_policy.SMALL_REPLAY,
    ),
    dataclasses.replace(
      sac.SACConfig.layer_norm_three_steps(),
      hidden_sizes=(8,),
      **off_policy.SMALL_REPLAY,
    ),
    d4pg.D4PGConfig.debug(),
    dataclasses.replace(
      quinoa.QuinoaConfig.debug(), returns=quinoa.SoftReturn()
    ),
  ],
  ids=lambda agent: type(agent).__name__,
)
def test_a_run_of_another_agent_that_was_cut_equals_one_that_was_not(
  agent, config, tmp_path
):
  # Acme's agents raise the rank of their operands.
  with jax.numpy_rank_promotion('allow'):
    local.run(config(tmp_path / 'uncut', agent=agent))
    local.run(config(tmp_path / 'cut', agent=agent), _stop_after(250))
    local.run(config(tmp_path / 'cut', agent=agent))
  _assert_equal(tmp_path / 'uncut', tmp_path / 'cut')
  assert len(_rows(tmp_path / 'cut', 'learner')) >= 5


@pytest.mark.parametrize(
  ('samples_per_insert', 'learner_steps'),
  # Batches of 32, from the 100th of 510 steps on; calls of 5 SGD steps. The
  # last step ends an episode, so that its transition is in replay.
  [(16.0, 205), (48.0, 615), (80.0, 1025)],
)
def test_keeps_the_ratio_exactly(
  samples_per_insert, learner_steps, config, tmp_path
):
  agent = dataclasses.replace(
    quinoa.QuinoaConfig.debug(),
    samples_per_insert=samples_per_insert,
    samples_per_insert_tolerance=0.5,
  )
  status = local.run(
    config(tmp_path, agent=agent, num_steps=510, eval_every=1000)
  )
  assert status.actor_steps == 510
  assert status.learner_steps == learner_steps


def test_refuses_the_checkpoint_of_other_networks(config, tmp_path):
  run = config(tmp_path)
  local.run(run)
  agent = dataclasses.replace(run.agent, value_hidden_sizes=(33,))
  with pytest.raises(checkpointing.CheckpointError, match='33'):
    local.run(config(tmp_path, agent=agent))
  with pytest.raises(checkpointing.CheckpointError, match='in one process'):
    run_state.restore_counts(str(tmp_path))


def test_refuses_the_folder_of_a_distributed_run(config, tmp_path):
  (tmp_path / 'checkpoints' / 'learner').mkdir(parents=True)
  with pytest.raises(checkpointing.CheckpointError, match='distributed'):
    local.run(config(tmp_path))


def test_stops_when_asked_and_evaluates_in_short(config, tmp_path):
  status = local.run(config(tmp_path, eval_every=10**6), _stop_after(300))
  assert not status.finished
  assert 0 < status.actor_steps < 400
  rows = _rows(tmp_path, 'evaluator')
  assert [row['evaluation_episodes'] for row in rows] == ['2', '1']
  assert rows[-1]['actor_steps'] == str(status.actor_steps)
