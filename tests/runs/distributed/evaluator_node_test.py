"""Tests of the program's evaluator."""

import dataclasses
import threading

from acme.utils.loggers import base as loggers_base
import jax
import numpy as np
import pytest
import waiting

from quinoa_acme.runs.checkpoints import run_folder
from quinoa_acme.runs.checkpoints import run_state
from quinoa_acme.runs.distributed import evaluator_node
from quinoa_acme.runs.watching import loggers
from quinoa_acme.utils import checkpointing

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


class _Counts:
  """A coordinator, whose run has reached its target, the learner being done."""

  def __init__(self, has_finished: bool = True):
    self.returns = {}
    self.done = []
    self.was_asked = threading.Event()
    self._has_finished = has_finished

  def get_counts(self):
    self.was_asked.set()
    return {'actor_steps': 1000, 'learner_steps': 900}

  def should_finish(self):
    return self._has_finished

  def is_done(self, role):
    return True

  def report(self, values):
    self.returns = dict(values)

  def report_done(self, role):
    self.done.append(role)


def test_evaluator_takes_the_last_parameters_and_keeps_to_them(
  config, stop, policy_source, serve
):
  """All of the last evaluation is of the learner's last parameters."""
  config = dataclasses.replace(config, evaluation_episodes=1)
  counts = _Counts()
  node = threading.Thread(
    target=evaluator_node.run_evaluator,
    args=(config, serve(policy_source), serve(counts)),
  )
  node.start()
  waiting.wait_until(lambda: counts.done, 'the last evaluation')
  stop.set()
  node.join()
  assert counts.done == ['evaluator']
  assert counts.returns['evaluation_return'] > 0
  assert counts.returns['warning'] is None
  assert policy_source.requests == 1


def test_a_stop_between_evaluations_makes_one_of_what_is_saved(
  config, stop, policy_source, serve, tmp_path, monkeypatch
):
  """The learner saves after the stop, and answers no more."""
  # Here it compiles first, on a machine that may be busy.
  for name in ('_SHORT_EVALUATION_SECONDS', '_SECONDS_TO_SAVE'):
    monkeypatch.setattr(evaluator_node, name, 100.0)
  agent, spec = config.make_agent(), config.make_spec()
  learner = agent.make_builder(spec, loggers_base.NoOpLogger).make_learner(
    jax.random.PRNGKey(0), agent.make_networks(spec), iter(())
  )
  # There is none due.
  run_state.save_last_evaluation(config.workdir, 1000)
  counts = _Counts(has_finished=False)
  node = threading.Thread(
    target=evaluator_node.run_evaluator,
    args=(config, serve(policy_source), serve(counts)),
  )
  node.start()
  assert counts.was_asked.wait(200.0)
  stop.set()
  run_state.save_counts(config.workdir, {'actor_steps': 1100})
  checkpointing.save(
    run_folder.learner_checkpoints(config.workdir),
    1050,
    learner.save()._replace(steps=np.int32(1050)),
  )
  node.join()
  assert policy_source.requests == 0
  [row] = loggers.read_rows(tmp_path / 'logs' / 'evaluator.csv')
  assert row['actor_steps'] == 1100
  assert row['learner_steps'] == 1050
  assert row['evaluation_episodes'] == 1


def test_a_stop_for_a_learner_that_is_lost_makes_none(
  config, stop, policy_source, serve, tmp_path, monkeypatch
):
  monkeypatch.setattr(evaluator_node, '_SECONDS_TO_SAVE', 0.2)
  run_state.save_last_evaluation(config.workdir, 1000)
  counts = _Counts(has_finished=False)
  node = threading.Thread(
    target=evaluator_node.run_evaluator,
    args=(config, serve(policy_source), serve(counts)),
  )
  node.start()
  assert counts.was_asked.wait(200.0)
  stop.set()
  node.join()
  assert not loggers.has_rows(tmp_path / 'logs' / 'evaluator.csv')
