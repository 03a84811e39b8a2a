"""The table of interquartile means."""

from experiments.lib.result_tables import interquartile
from quinoa_acme.runs.sweeps import results


def _points(tmp_path, *returns):
  rows = [
    {
      **dict.fromkeys(results.COLUMNS, 0),
      'agent': 'quinoa',
      'preset': 'default',
      'task': 'walker-walk',
      'seed': seed,
      'actor_steps': 100,
      'return': value,
    }
    for seed, value in enumerate(returns)
  ]
  results.update_table(tmp_path / 'table.csv', rows)
  [points] = results.read([tmp_path / 'table.csv']).values()
  return points


def test_a_cell_has_the_interval_if_there_are_several_runs(tmp_path):
  [point] = _points(tmp_path, 10.0, 10.0, 10.0)
  format_points = interquartile.format_points
  assert format_points([point]) == '10 [10, 10] (3 runs)'
  assert format_points([point, point]) == '10 [10, 10] (6 runs)'
  assert format_points([point, None]) == 'not all run'
  assert format_points([None]) == 'not run'


def test_one_run_has_no_interval(tmp_path):
  [point] = _points(tmp_path, 12.0)
  assert interquartile.format_points([point]) == '12 (1 run)'


def test_the_last_row_has_each_task_at_its_last_step():
  *_, before, last = interquartile.make_table({}).splitlines()
  assert before.startswith('| walker-walk, cheetah-run, hopper-stand | 100,000')
  tasks, steps = last.split(' | ')[:2]
  assert tasks == '| walker-walk, cheetah-run, hopper-stand, cartpole-swingup'
  assert steps == '100,000; 250,000; 250,000; 50,000'
