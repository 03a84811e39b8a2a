"""Tests of an evaluation: when it is due, and what it says."""

import csv
import types

import numpy as np
import pytest

from quinoa_acme.agents.common import off_policy
from quinoa_acme.runs import evaluation
from quinoa_acme.runs.checkpoints import run_state
from quinoa_acme.runs.watching import progress


def test_evaluations_are_summarised():
  episodes = [np.array([0.0, 1.0]), np.array([1.0, 2.0])]
  assert evaluation.summarise(episodes, discount=0.5) == {
    'episode_return': 2.0,
    'episode_return_std': 1.0,
    'episode_return_min': 1.0,
    'episode_return_max': 3.0,
    # Of 0.5, 1, 2 and 2.
    'discounted_return': 1.375,
    'evaluation_episodes': 2,
  }
  with pytest.raises(ValueError, match='no episode'):
    evaluation.summarise([], 0.5)


def test_returns_are_discounted_from_each_step_on():
  rewards = np.array([1.0, -2.0, 4.0])
  found = evaluation.discounted_returns(rewards, 0.5)
  np.testing.assert_allclose(found, [1 - 1 + 1, -2 + 2, 4])
  assert evaluation.discounted_returns(np.zeros(0), 0.5).shape == (0,)


@pytest.mark.parametrize(
  ('last', 'steps', 'is_due'),
  [
    (run_state.NEVER, 0, True),
    (0, 99, False),
    (0, 100, True),
    (100, 199, False),
    (150, 200, True),
    (150, 420, True),
  ],
)
def test_an_evaluation_is_due_at_each_multiple(last, steps, is_due):
  assert evaluation.is_due(last, steps, 100) == is_due


class _Source:
  """Gives the names that it is asked for."""

  def get_variables(self, names):
    return list(names)


def test_an_evaluator_is_served_the_policy_that_the_agent_names():
  saved = off_policy.SavedPolicy(None, lambda state: state, 'best_policy')
  source = evaluation.serve_evaluated(saved, _Source())
  assert source.get_variables(['policy', 'value']) == ['best_policy', 'value']


def test_the_status_has_the_last_evaluation_of_the_log(tmp_path):
  status = progress.Status(actor_steps=7)
  assert evaluation.with_last(str(tmp_path), status) == status
  (tmp_path / 'logs').mkdir()
  with (tmp_path / 'logs' / 'evaluator.csv').open('w', newline='') as file:
    writer = csv.writer(file)
    writer.writerow(['actor_steps', 'episode_return', 'episode_return_std'])
    writer.writerows([[1, 5.0, 0.5], [2, 6.0, 0.25]])
  found = evaluation.with_last(str(tmp_path), status)
  assert (found.evaluation_return, found.evaluation_return_std) == (6.0, 0.25)
  assert found.actor_steps == 7


def test_a_run_without_rows_has_no_warning(tmp_path):
  config = types.SimpleNamespace(
    workdir=str(tmp_path), agent=object(), action_repeat=1
  )
  assert evaluation.look_for_warnings(config) is None
