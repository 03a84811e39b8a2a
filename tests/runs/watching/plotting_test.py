"""Tests of the learning curve: what is in the picture, not how it looks."""

import json
import pathlib

from matplotlib import image as image_lib
import numpy as np
import pytest

from quinoa_acme.runs.watching import loggers as loggers_lib
from quinoa_acme.runs.watching import plotting as plotting_lib


def _log(workdir: pathlib.Path, label: str, *rows: dict[str, float]) -> None:
  logger = loggers_lib.CSVLogger(workdir / 'logs' / f'{label}.csv')
  for row in rows:
    logger.write(row)
  logger.close()


def _row(steps: float, mean: float, std: float | None = None):
  row = {'actor_steps': steps, 'episode_return': mean}
  return row if std is None else {**row, 'episode_return_std': std}


@pytest.fixture
def draw(saved_figures):
  """Draws the picture, checks the file, and returns the axes."""

  def draw(workdir: pathlib.Path):
    path = plotting_lib.plot_learning_curve(workdir)
    assert path == workdir / 'learning_curve.png'
    picture = image_lib.imread(path)
    assert picture.shape[:2] == (630, 1050)
    assert np.ptp(picture) > 0.5
    return saved_figures[-1].axes[0]

  return draw


def _lines(axes) -> dict[str, list[tuple[float, float]]]:
  return {
    line.get_label(): [*zip(*line.get_data(), strict=True)]
    for line in axes.get_lines()
  }


def test_the_picture_has_evaluations_band_and_episodes(tmp_path, draw):
  (tmp_path / 'config.json').write_text('{"env_name": "control:cartpole:x"}')
  _log(tmp_path, 'evaluator', _row(0, 10, 1), _row(100, 30, 2))
  _log(tmp_path, 'actor_0', _row(50, 12), {'actor_steps': 60})
  _log(tmp_path, 'actor_1', _row(70, 14))
  axes = draw(tmp_path)
  assert _lines(axes) == {
    'training episode': [(50, 12), (70, 14)],
    'evaluation, mean': [(0, 10), (100, 30)],
  }
  (band,) = axes.collections
  vertices = {tuple(v) for v in band.get_paths()[0].vertices}
  assert vertices == {(0, 9), (0, 11), (100, 28), (100, 32)}
  assert axes.get_title(loc='left') == 'control:cartpole:x'


def test_a_run_without_actors_std_or_config_is_drawn(tmp_path, draw):
  _log(tmp_path, 'evaluator', _row(1000, 10))
  axes = draw(tmp_path)
  assert _lines(axes) == {'evaluation, mean': [(1000, 10)]}
  assert not axes.collections
  assert axes.get_title(loc='left') == tmp_path.name


def test_a_config_without_a_task_leaves_the_directory_as_title(tmp_path, draw):
  (tmp_path / 'config.json').write_text(json.dumps({'seed': 1}))
  _log(tmp_path, 'evaluator', _row(0, 1))
  assert draw(tmp_path).get_title(loc='left') == tmp_path.name


def test_after_a_resume_the_later_rows_count(tmp_path, draw):
  rows = [(0, 1), (10, 2), (20, 3), (30, 4), (10, 5), (20, 6)]
  _log(tmp_path, 'evaluator', *(_row(*row) for row in rows))
  lines = _lines(draw(tmp_path))
  assert lines['evaluation, mean'] == [(0, 1), (10, 5), (20, 6)]


def test_a_torn_last_line_of_a_running_run_is_left_out(tmp_path, draw):
  _log(tmp_path, 'evaluator', _row(0, 1), _row(10, 2))
  with (tmp_path / 'logs' / 'evaluator.csv').open('a') as file:
    file.write('20,3')
  assert _lines(draw(tmp_path))['evaluation, mean'] == [(0, 1), (10, 2)]


def test_a_run_without_an_evaluation_is_an_error(tmp_path):
  with pytest.raises(FileNotFoundError, match=r'evaluator\.csv'):
    plotting_lib.plot_learning_curve(tmp_path)
  _log(tmp_path, 'evaluator', {'learner_steps': 3})
  with pytest.raises(ValueError, match='no row with actor_steps'):
    plotting_lib.plot_learning_curve(tmp_path)


@pytest.mark.parametrize(
  ('config', 'label'),
  [
    ({}, 'environment steps'),
    ({'action_repeat': 1}, 'environment steps'),
    ({'action_repeat': 2}, 'environment steps (2 frames each)'),
  ],
)
def test_the_axis_says_how_many_frames_a_step_is(tmp_path, draw, config, label):
  (tmp_path / 'config.json').write_text(json.dumps(config))
  _log(tmp_path, 'evaluator', _row(0, 10))
  axes = draw(tmp_path)
  assert axes.get_xlabel() == label
  assert axes.get_title(loc='left') == tmp_path.name
