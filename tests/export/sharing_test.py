"""Tests of what is shared of a run, and of its card."""

import dataclasses
import json
import shlex

import numpy as np
import pytest

from quinoa_acme import load_policy
from quinoa_acme.agents import quinoa
from quinoa_acme.agents import svg0
from quinoa_acme.export import sharing
from quinoa_acme.runs.watching import loggers

_CONFIG = quinoa.QuinoaConfig.direct()
_DESCRIBED = {
  'env_name': 'control:walker:walk',
  'num_steps': 60000,
  'seed': 3,
  'version': '1.2.3',
  'workdir': '/home/me/secret',
}


@pytest.fixture(scope='module')
def run(make_run, nested_spec):
  """A run with an evaluation of three episodes."""
  folder = make_run(svg0.SVG0Config(), nested_spec)
  logger = loggers.CSVLogger(folder / 'logs' / 'evaluator.csv')
  logger.write({'actor_steps': 100, 'episode_return': 1.0})
  row = {'episode_return': 9.0, 'episode_return_std': np.sqrt(2 / 3)}
  logger.write({'actor_steps': 12345, **row, 'evaluation_episodes': 3})
  logger.close()
  return folder


def test_what_is_shared_acts_as_the_run_and_is_no_more(run, tmp_path):
  sharing.write_shared(str(run), tmp_path)('me/arm')
  files = {x.relative_to(tmp_path).as_posix() for x in tmp_path.rglob('*.*')}
  [checkpoint] = [name for name in files if name.endswith('.npz')]
  assert files - {checkpoint} == {'README.md', 'config.json', 'spec.json'}
  # The optimizer, critics and targets are not there.
  whole = next(run.rglob('*.npz')).stat().st_size
  assert (tmp_path / checkpoint).stat().st_size < whole / 2
  assert 'workdir' not in json.loads((tmp_path / 'config.json').read_text())
  first, second = (load_policy(x, seed=4) for x in (run, tmp_path))
  assert first.learner_steps == second.learner_steps
  observation = {
    'position': np.ones(3),
    'arm': (np.ones((2, 2)), 3),
    'touches': [True, False],
  }
  np.testing.assert_array_equal(first(observation), second(observation))


def test_the_card_has_task_loss_return_and_versions(run, tmp_path):
  sharing.write_shared(str(run), tmp_path)('me/arm')
  card = (tmp_path / 'README.md').read_text()
  # The deviation of 8, 9, 10 is 1; a half interval is 4.303 / sqrt(3).
  for part in ('9.0, 95 % interval 6.5 to 11.5', '12,345', 'quinoa_acme '):
    assert part in card
  assert "load_policy('hf://me/arm')" in card
  assert 'that of svg0' in card


def test_the_head_of_a_card_is_what_the_hub_reads():
  huggingface_hub = pytest.importorskip('huggingface_hub')
  row = {'actor_steps': 5, 'episode_return': 2.0}
  text = sharing.make_card('me/arm', _DESCRIBED, _CONFIG, 7, [row], True)
  data = huggingface_hub.ModelCard(text).data
  assert data.library_name == 'quinoa_acme'
  [result] = data.eval_results
  assert result.dataset_name == 'control:walker:walk'
  assert result.metric_value == '2.0 (one episode, so no interval)'
  assert 'secret' not in text
  assert '<video src="replay.mp4"' in text


def test_a_card_without_evaluation_says_so():
  text = sharing.make_card('me/arm', _DESCRIBED, _CONFIG, 7, [])
  assert 'not evaluated' in text
  assert 'model-index' not in text


def test_the_command_has_preset_and_what_differs():
  changed = dataclasses.replace(_CONFIG, batch_size=17)
  words = shlex.split(sharing.command_of(_DESCRIBED, changed))
  assert words == [
    'quinoa',
    'train',
    '--agent=quinoa',
    '--preset=direct',
    '--env_name=control:walker:walk',
    '--num_steps=60000',
    '--seed=3',
    '--batch_size=17',
  ]


def test_each_preset_is_found():
  presets = sharing.agents.PRESETS['quinoa']
  for make in presets.values():
    algorithm, preset, changed = sharing.find_preset(make())
    assert algorithm == 'quinoa'
    assert not changed
    assert presets[preset]() == make()


def test_a_run_that_is_none_is_refused(tmp_path):
  pytest.importorskip('huggingface_hub')
  with pytest.raises(FileNotFoundError, match='Give the folder of a run'):
    sharing.push_to_hub(tmp_path, 'me/arm')
