"""Returns that others have published."""

from experiments.lib import places
from experiments.lib.result_tables import published
from quinoa_acme.runs.sweeps import sweeps


def test_a_row_names_its_method_and_source():
  head, _, *lines = published.make_table().splitlines()
  assert head.startswith('| method | frames | action repeat |')
  assert lines
  for line in lines:
    assert '](https://' in line
    assert line.count('|') == head.count('|')


def test_what_acts_at_every_frame_is_comparable():
  rows = published.read_comparable()
  assert rows
  for (task, frames), row in rows.items():
    assert (row['task'], int(row['frames'])) == (task, frames)
    assert row['action_repeat'] == '1'


def test_the_page_on_peers_has_what_is_published_of_its_tasks():
  table = published.make_twelve_tasks_table()
  assert table in (places.SCRIPTS / 'README.md').read_text()
  sweep = sweeps.read(places.SWEEPS / 'twelve_tasks.json')
  tasks = {run.environment for run in sweep.runs}
  found = {line.split('|')[1].strip() for line in table.splitlines()[2:]}
  # SimBa's authors left out one of the twelve.
  assert tasks - found == {'ball_in_cup-catch'}
  assert found <= tasks
