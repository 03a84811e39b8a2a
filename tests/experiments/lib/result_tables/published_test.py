"""Returns that others have published."""

from experiments.lib.result_tables import published


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
