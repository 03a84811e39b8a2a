"""The script that trains SVG(0) beside the one of dm-acme for TensorFlow."""

from absl import flags
import experiment_scripts
import pytest

from quinoa_acme.runs.sweeps import results


@pytest.mark.slow
def test_acme_s_agent_acts_and_is_evaluated(tmp_path):
  with experiment_scripts.load('compare_svg0') as script:
    flags.FLAGS(
      [
        'compare_svg0',
        f'--output={tmp_path}/table.csv',
        '--num_steps=10',
        '--eval_every=10',
        '--evaluation_episodes=1',
      ]
    )
    rows = list(script.names['train_acme']())
  # As the table of results has them.
  results.update_table(tmp_path / 'table.csv', rows)
  [points] = results.read([tmp_path / 'table.csv']).values()
  assert [point.steps for point in points] == [0, 10]
  # Of an episode of a thousand steps, each of which pays up to one.
  assert all(0 < point.median < 1000 for point in points)
