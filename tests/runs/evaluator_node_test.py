"""Tests of the program's evaluator."""

import dataclasses
import threading
import time

import pytest

from quinoa_acme.runs import evaluator_node


class _Counts:
  """A coordinator whose run has reached its target, the learner being done."""

  def __init__(self):
    self.returns = {}
    self.done = []

  def get_counts(self):
    return {'actor_steps': 1000, 'learner_steps': 900}

  def should_finish(self):
    return True

  def is_done(self, role):
    return True

  def report(self, values):
    self.returns = dict(values)

  def report_done(self, role):
    self.done.append(role)


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_evaluator_takes_the_last_parameters_and_keeps_to_them(
  config, stop, policy_source
):
  """All of the last evaluation is of the learner's last parameters."""
  config = dataclasses.replace(config, evaluation_episodes=1)
  counts = _Counts()
  node = threading.Thread(
    target=evaluator_node.run_evaluator, args=(config, policy_source, counts)
  )
  node.start()
  deadline = time.monotonic() + 60.0
  while not counts.done and time.monotonic() < deadline:
    time.sleep(0.1)
  stop.set()
  node.join()
  assert counts.done == ['evaluator']
  assert counts.returns['evaluation_return'] > 0
  assert counts.returns['warning'] is None
  assert policy_source.requests == 1
