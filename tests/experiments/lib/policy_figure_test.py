"""Tests of figure 2: the data that it keeps, and the script as a whole."""

import pathlib

from matplotlib import image as image_lib
import numpy as np
import pictures
import pytest
import warm

from experiments.lib import figures
from experiments.lib import marginals
from experiments.lib import policy_figure
from quinoa_acme import environments
from quinoa_acme.agents import quinoa
from quinoa_acme.agents import sac
from quinoa_acme.runs import experiment
from quinoa_acme.runs import local

_ROOT = pathlib.Path(__file__).resolve().parents[3]
_RESULTS = _ROOT / 'experiments' / 'results'
_IMAGES = _ROOT / 'docs' / 'images'
_NAME = 'control:hopper:stand'


def _config(workdir, agent) -> experiment.ExperimentConfig:
  return experiment.ExperimentConfig(
    agent=agent,
    environment_factory=environments.EnvironmentFactory(_NAME),
    env_name=_NAME,
    workdir=str(workdir),
    num_steps=150,
    eval_every=1000,
    evaluation_episodes=1,
  )


def test_levels_enclose_their_share_of_the_mass():
  density = np.array([[4.0, 1.0], [2.0, 3.0]])
  areas = np.array([[1.0, 4.0], [1.0, 1.0]])
  # In all 13; the densest point holds 4, the densest two 7, three 9.
  assert policy_figure.levels_of(density, areas, (0.9, 0.6, 0.5, 0.1)) == [
    1.0,
    2.0,
    3.0,
    4.0,
  ]
  # Where a point holds nearly all, its density is the one level.
  spike = np.array([[100.0, 1e-3]])
  levels = policy_figure.levels_of(spike, np.ones((1, 2)), (0.9, 0.5))
  assert levels == [100.0]


@pytest.mark.parametrize('name', ['figure2', 'figure2_default'])
def test_the_committed_figure_is_that_of_the_committed_data(tmp_path, name):
  data = policy_figure.PolicyInState.read(_RESULTS / name / 'data.json')
  grid = marginals.Grid.of_box(data.low, data.high, len(data.log_marginals[0]))
  assert data.actions.shape == (1000, 6)
  for pair, log_density in zip(
    marginals.pairs_of(6), data.log_marginals, strict=True
  ):
    mass = np.sum(np.exp(log_density) * grid.areas(pair))
    assert mass == pytest.approx(1.0, abs=1e-3)
  figure = policy_figure.draw(
    data, image_lib.imread(_RESULTS / name / 'state.png')
  )
  figures.save(figure, tmp_path / 'a.png')
  pictures.assert_alike(tmp_path / 'a.png', _IMAGES / f'{name}.png')


@pytest.mark.slow
def test_a_run_is_searched_and_drawn(tmp_path):
  """A policy that has just begun to learn, by the script as a user runs it."""
  run = tmp_path / 'run'
  config = _config(run, quinoa.QuinoaConfig.debug())
  config.write_json()
  local.run(config)
  script = str(_ROOT / 'experiments' / 'figure2.py')
  flags = (f'--workdir={run}', '--num_states=9', '--every=2')
  said = warm.run_well(script, *flags, cwd=tmp_path)
  assert 'environment steps: 150' in said
  folder = run / 'figure2'
  data = policy_figure.PolicyInState.read(folder / 'data.json')
  assert data.actions.shape == (1000, 4)
  assert np.abs(data.actions).max() <= 1.0
  state = image_lib.imread(folder / 'state.png')
  # A hopper before a floor and a sky: no picture of one colour.
  assert state.shape[:2] == (300, 300)
  assert np.std(state[..., :3]) > 0.05
  assert (folder / 'figure2.png').stat().st_size > 20_000


def test_a_run_of_another_agent_is_refused(tmp_path):
  config = _config(tmp_path, sac.SACConfig.debug())
  with pytest.raises(ValueError, match='is a run of SACConfig'):
    policy_figure.make(config, num_states=1, every=1, seed=0)


@pytest.mark.slow
def test_a_run_without_a_checkpoint_is_refused(tmp_path):
  config = _config(tmp_path, quinoa.QuinoaConfig.debug())
  with pytest.raises(FileNotFoundError, match='has no checkpoint'):
    policy_figure.make(config, num_states=1, every=1, seed=0)
