"""Tests of the figure of diagnostics."""

import dataclasses
import json
import pathlib

import numpy as np
import pytest

from quinoa_acme import environments
from quinoa_acme.agents import quinoa
from quinoa_acme.runs import experiment
from quinoa_acme.runs import local
from quinoa_acme.runs.watching import diagnostics
from quinoa_acme.runs.watching import loggers

_NAME = 'control:cartpole:balance'


@pytest.mark.slow
@pytest.mark.parametrize('agent', ['default', 'direct'])
def test_every_panel_is_drawn_of_a_real_run(tmp_path, saved_figures, agent):
  config = quinoa.QuinoaConfig.debug()
  if agent == 'direct':
    config = dataclasses.replace(
      config,
      fit=quinoa.DirectFit(),
      temperature=quinoa.DualTemperature(0.1),
    )
  local.run(
    experiment.ExperimentConfig(
      agent=config,
      environment_factory=environments.EnvironmentFactory(_NAME),
      env_name=_NAME,
      workdir=str(tmp_path),
      num_steps=1100,
      eval_every=500,
      evaluation_episodes=1,
    )
  )
  path = diagnostics.plot_diagnostics(tmp_path)
  assert path.stat().st_size > 10_000
  for axes, panel in zip(
    saved_figures[0].axes, diagnostics.PANELS, strict=True
  ):
    labels = {line.get_label() for line in axes.get_lines()}
    named = {label for _, _, label in panel.curves}
    # Without critics there is nothing to say of them.
    assert labels & named
    if agent == 'default':
      assert named <= labels


def test_values_are_drawn_in_the_unit_of_returns(tmp_path, saved_figures):
  description = {'agent': {'type': 'QuinoaConfig', 'reward_scale': 0.1}}
  (tmp_path / 'config.json').write_text(json.dumps(description))
  logger = loggers.CSVLogger(tmp_path / 'logs' / 'learner.csv')
  for steps in (100, 200):
    logger.write({'learner_steps': steps, 'value_mean': 3.0, 'loss': 0.5})
  logger.close()
  diagnostics.plot_diagnostics(tmp_path)
  lines = {
    line.get_label(): line
    for axes in saved_figures[0].axes
    for line in axes.get_lines()
  }
  np.testing.assert_allclose(lines['V, replayed states'].get_ydata(), 30.0)
  np.testing.assert_allclose(lines['loss'].get_ydata(), 0.5)
  assert saved_figures[0].get_suptitle() == tmp_path.name
  description['action_repeat'] = 2
  (tmp_path / 'config.json').write_text(json.dumps(description))
  diagnostics.plot_diagnostics(tmp_path)
  assert saved_figures[1].get_suptitle().endswith(', a step is 2 frames')


def test_a_run_that_has_not_learnt_is_refused(tmp_path: pathlib.Path):
  logger = loggers.CSVLogger(tmp_path / 'logs' / 'evaluator.csv')
  logger.write({'actor_steps': 0, 'episode_return': 1.0})
  logger.close()
  with pytest.raises(FileNotFoundError, match='that has begun to learn'):
    diagnostics.plot_diagnostics(tmp_path)
