"""Tables of medians over seeds."""

from experiments.lib.result_tables import medians
from quinoa_acme.runs.sweeps import results


def test_a_row_has_a_cell_for_each_algorithm(tmp_path):
  rows = [
    {
      **dict.fromkeys(results.COLUMNS, 0),
      'agent': 'quinoa',
      'preset': 'default',
      'task': 'finger-spin',
      'seed': seed,
      'actor_steps': 100_000,
      'return': value,
    }
    for seed, value in enumerate((10.0, 20.0, 60.0))
  ]
  results.update_table(tmp_path / 'table.csv', rows)
  curves = results.read([tmp_path / 'table.csv'])
  lines = medians.make_held_out_table(curves).splitlines()
  point = results.at(curves, ('quinoa', 'default', 'finger-spin'), 100_000)
  direct, default = results.format_point(None), results.format_point(point)
  assert '20' in default
  assert lines[2] == f'| finger-spin | 100,000 | {direct} | {default} |'
  assert lines[3].startswith('| reacher-hard | 100,000 |')
