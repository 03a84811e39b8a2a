"""`quinoa plot` draws a run into its folder."""

import pathlib

import pytest


@pytest.mark.slow
def test_it_draws_both_pictures(trained, quinoa):
  result = quinoa('plot', str(trained))
  assert result.returncode == 0, result.stderr
  paths = [pathlib.Path(line) for line in result.stdout.splitlines()]
  assert len(paths) == 2
  for path in paths:
    assert path.parent == trained
    assert path.stat().st_size > 1000


@pytest.mark.slow
def test_it_draws_the_one_that_is_asked_for(trained, quinoa):
  result = quinoa('plot', str(trained), '--figure=learning_curve')
  assert result.returncode == 0, result.stderr
  assert result.stdout == f'{trained / "learning_curve.png"}\n'
