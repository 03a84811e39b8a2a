"""Tests of what is said of a replay's size, and of what is refused."""

import dataclasses
import functools

from acme import specs
import dm_env
import numpy as np
import pytest

import quinoa_acme
from quinoa_acme.agents import quinoa
from quinoa_acme.runs import experiment
from quinoa_acme.runs import replay_size


class _Image(dm_env.Environment):
  """Observes an image; makes no step."""

  def __init__(self, side, seed):
    self._side = side

  def reset(self):
    raise NotImplementedError

  def step(self, action):
    raise NotImplementedError

  def observation_spec(self):
    return specs.Array((self._side, self._side, 3), np.uint8, 'image')

  def action_spec(self):
    return specs.BoundedArray((1,), np.float32, -1, 1)


def _config(workdir, side, **changes):
  agent = quinoa.QuinoaConfig(returns=quinoa.OneStep(), **changes)
  return experiment.ExperimentConfig(
    agent=agent,
    environment_factory=functools.partial(_Image, side),
    env_name='image',
    workdir=str(workdir),
    num_steps=10**6,
  )


def test_a_large_replay_is_told(tmp_path):
  config = _config(tmp_path, 84, max_replay_size=100_000)
  said = replay_size.check(config, config.make_spec(), 16 * 10**9)
  # Two images, the action, and reward and discount in double precision.
  assert said == (
    f'Replay: {2 * 84 * 84 * 3 + 4 + 16:,} bytes per transition, 4.2 GB for '
    '100,000 of them, of 16.0 GB of memory.'
  )
  # There are no more transitions than steps.
  short = dataclasses.replace(config, num_steps=2000)
  assert replay_size.check(short, config.make_spec(), 16 * 10**9) is None


def test_one_that_does_not_fit_is_refused_and_the_number_that_does_is_told(
  tmp_path,
):
  config = _config(tmp_path, 84)
  with pytest.raises(replay_size.ReplaySizeError, match=r'42\.4 GB') as error:
    replay_size.check(config, config.make_spec(), 16 * 10**9)
  text = str(error.value).partition('e.g. to ')[2].partition(', or')[0]
  number = int(text.replace(',', ''))
  fitting = _config(tmp_path, 84, max_replay_size=number)
  assert replay_size.check(fitting, config.make_spec(), 16 * 10**9)


def test_a_run_that_can_not_have_its_replay_does_not_begin(tmp_path, capsys):
  config = _config(tmp_path / 'run', 20_000)
  assert quinoa_acme.run(config, None) == 1
  [line] = capsys.readouterr().err.splitlines()
  assert line.startswith('error: The replay would not fit into memory: 2,400,')
  assert not (tmp_path / 'run').exists()
