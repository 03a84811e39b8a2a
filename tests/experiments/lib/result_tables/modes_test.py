"""The table of the modes of figure 2."""

from experiments.lib.result_tables import modes


def test_the_first_mode_of_a_pair_falls_nowhere():
  head, _, *lines = modes.make_table('figure2').splitlines()
  assert head.startswith('| actions | mode at | mass |')
  *rows, blank, facts = lines
  assert blank == ''
  assert facts.endswith('.')
  found = [[cell.strip() for cell in row.split('|')[1:-1]] for row in rows]
  pairs = list(dict.fromkeys(actions for actions, *_ in found))
  for pair in pairs:
    first, *others = [row for row in found if row[0] == pair]
    assert first[3] == ''
    assert all(row[3].endswith(' times') for row in others)
