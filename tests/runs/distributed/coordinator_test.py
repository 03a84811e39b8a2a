"""Tests of the program's counter."""

import threading

import launchpad as lp
import pytest

from quinoa_acme.runs.distributed import coordinator as coordinator_lib
from quinoa_acme.runs.distributed import failures
from quinoa_acme.runs.watching import progress


def test_coordinator_finishes_at_the_target(config):
  coordinator = coordinator_lib.Coordinator(config)
  assert not coordinator.should_finish()
  coordinator.increment(actor_steps=999)
  assert not coordinator.should_finish()
  coordinator.increment(actor_steps=1)
  assert coordinator.should_finish()


def test_coordinator_knows_who_is_done(config):
  coordinator = coordinator_lib.Coordinator(config)
  assert not coordinator.is_done('learner')
  coordinator.report_done('learner')
  assert coordinator.is_done('learner')
  assert not coordinator.is_done('actor_1')
  coordinator.report_done('actor_0')
  assert not coordinator.are_actors_done()
  coordinator.report_done('actor_1')
  assert coordinator.are_actors_done()


def test_coordinator_names_who_does_not_finish(config, monkeypatch, tmp_path):
  monkeypatch.setattr(lp, 'stop_event', threading.Event)
  monkeypatch.setattr(coordinator_lib, '_FINISH_SECONDS', 0.5)
  coordinator_lib.clear(str(tmp_path))
  coordinator = coordinator_lib.Coordinator(config)
  coordinator.increment(actor_steps=1000)
  for role in ('learner', 'actor_0'):
    coordinator.report_done(role)
  with pytest.raises(TimeoutError, match='actor_1, evaluator did not finish'):
    coordinator.run()
  assert 'did not finish' in str(failures.read(str(tmp_path)))


def test_status_round_trip(tmp_path):
  assert coordinator_lib.read_status(str(tmp_path)) == progress.Status()
  status = progress.Status(
    actor_steps=3, evaluation_return=1.5, warning='V is 9.', finished=True
  )
  coordinator_lib.write_status(str(tmp_path), status)
  assert coordinator_lib.read_status(str(tmp_path)) == status
  coordinator_lib.clear(str(tmp_path))
  assert coordinator_lib.read_status(str(tmp_path)) == progress.Status()
