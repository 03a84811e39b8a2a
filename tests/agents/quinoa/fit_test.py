"""Tests of the options of what Q is fitted to."""

import pytest

from quinoa_acme.agents.quinoa import fit


@pytest.mark.parametrize(
  ('make', 'message'),
  [
    (lambda: fit.LikelihoodWeights(scale=0.0), 'scale must be positive'),
    (lambda: fit.LikelihoodWeights(least=1.1), r'least must be in \[0, 1\]'),
    (lambda: fit.DirectFit(proximity=-0.1), 'proximity must'),
    (lambda: fit.DirectFit(num_actions=0), 'num_actions must'),
    # One action per state leaves V free to rise as D falls.
    (lambda: fit.CriticFit(num_actions=1), 'num_actions must'),
    (lambda: fit.CriticFit(pessimism=-1.0), 'pessimism must'),
    (lambda: fit.CriticFit(num_critics=0), 'num_critics must'),
    (lambda: fit.CriticFit(hidden_sizes=(8, -1)), 'hidden_sizes'),
  ],
)
def test_what_can_not_work_is_refused(make, message):
  with pytest.raises(ValueError, match=message):
    make()


def test_an_update_samples_as_many_actions_as_the_fit_says():
  assert fit.num_actions(fit.DirectFit(num_actions=3)) == 3
  assert fit.num_actions(fit.CriticFit(num_actions=5)) == 5
