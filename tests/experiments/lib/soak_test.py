"""Tests of how a long run is judged, and such a run itself.

The run takes five minutes, and wants a machine that does nothing else: it is
not of `make test`, but of `make soak`.
"""

import numpy as np
import pytest

from experiments.lib import soak
from experiments.lib import soak_run
from quinoa_acme.runs.watching import loggers


def _fit(slope, noise=1.0):
  rng = np.random.default_rng(0)
  minutes = np.arange(0.0, 30.0, 1 / 6)
  values = 400.0 + slope * minutes + noise * rng.normal(size=len(minutes))
  return soak.fit('node_mb', minutes, values)


def test_a_slope_is_found_with_its_interval():
  trend = _fit(0.5)
  assert trend.low < 0.5 < trend.high
  assert trend.slope == pytest.approx(0.5, abs=0.05)
  assert trend.mean == pytest.approx(407.5, abs=0.5)
  assert trend.high - trend.low < 0.2


def test_what_grows_is_not_flat_but_within_a_bound():
  assert _fit(0.0).is_flat(bound=0.0)
  assert not _fit(0.5).is_flat(bound=0.0)
  assert not _fit(-0.5).is_flat(bound=0.0)
  assert not _fit(0.5).is_flat(bound=0.3)
  assert _fit(0.5).is_flat(bound=1.0)
  # No more than noise, but so much of it that a leak may be in it.
  assert _fit(0.0, noise=50.0).is_flat(bound=0.0)


def test_intervals_hold_what_they_should():
  """Of a flat series with noise that lasts a minute, 5 % are called sloped."""
  rng = np.random.default_rng(1)
  minutes = np.arange(0.0, 60.0, 1 / 6)
  kernel = np.ones(6) / 6
  flat = 0
  for _ in range(400):
    noise = np.convolve(rng.normal(size=len(minutes) + 5), kernel, 'valid')
    flat += soak.fit('node_mb', minutes, noise).is_flat(bound=0.0)
  assert 0.90 < flat / 400 < 0.98


def test_too_few_rows_are_said():
  with pytest.raises(ValueError, match='soak for longer'):
    soak.fit('node_mb', np.arange(9.0), np.arange(9.0))


@pytest.fixture
def workdir(tmp_path):
  """The log of a run whose learner leaks, and one of whose actors came late."""
  logger = loggers.CSVLogger(tmp_path / 'logs' / 'memory.csv')
  for i in range(60):
    late = {'actor_1_mb': 300.0} if i > 1 else {}
    logger.write(
      {
        'wall_clock': 1000.0 + 10 * i,
        'actor_steps': 500 * i,
        'learner_steps': 400 * i,
        'learner_mb': 600.0 + 2 * i,
        'total_mb': 900.0 + 2 * i,
        **late,
      }
    )
  logger.close()
  return tmp_path


def test_the_rows_of_a_run_give_trends(workdir, tmp_path):
  rows = soak.read(workdir)
  assert len(rows) == 59
  assert rows[5]['minutes'] == 1.0
  assert rows[5]['steps_per_second'] == 50.0
  found = {trend.name: trend for trend in soak.trends(rows, warm_up=1.0)}
  assert list(found) == [
    'learner_mb',
    'total_mb',
    'actor_1_mb',
    'steps_per_second',
  ]
  assert found['learner_mb'].slope == pytest.approx(12.0, rel=1e-3)
  assert not found['learner_mb'].is_flat(bound=1.0)
  assert found['actor_1_mb'].is_flat(bound=0.0)
  assert found['steps_per_second'].is_flat(bound=0.0)
  table = soak.make_table(list(found.values()))
  assert '| learner | 666.0 MB | +720.00 | +719.99 to +720.01 |' in table
  assert '| speed | 50.0 steps/s | +0.00 |' in table
  soak.draw(rows, 1.0, tmp_path / 'soak.png')
  assert (tmp_path / 'soak.png').stat().st_size > 10_000


def test_rows_of_a_program_that_ends_are_left_out(workdir):
  whole = soak.read(workdir)
  logger = loggers.CSVLogger(workdir / 'logs' / 'memory.csv')
  # The learner is gone already.
  last = {'wall_clock': 1600.0, 'actor_steps': 30_000, 'total_mb': 310.0}
  logger.write({**last, 'actor_1_mb': 300.0})
  logger.close()
  assert soak.read(workdir) == whole


@pytest.mark.slow
@pytest.mark.soak
@pytest.mark.timeout(900)
def test_a_program_keeps_its_memory_and_its_speed(tmp_path):
  small = ['--preset=debug', '--max_replay_size=2000', '--eval_every=5000']
  soak_run.run(6.0, str(tmp_path), small)
  rows = soak.read(tmp_path)
  found = soak.trends(rows, warm_up=2.5)
  print(soak.make_table(found))
  *nodes, speed = found
  assert {trend.name for trend in nodes} == {
    'launcher_mb',
    'counter_mb',
    'learner_mb',
    'evaluator_mb',
    'actor_0_mb',
    'actor_1_mb',
    'total_mb',
  }
  for trend in nodes:
    # Within minutes a node still settles: a hundredth of its memory.
    assert trend.is_flat(bound=0.0025 * trend.mean), trend
  # A tenth of it in the four minutes; one that rises is the machine's.
  assert speed.mean > 0
  assert speed.slope > 0 or speed.is_flat(bound=0.025 * speed.mean), speed
