"""The files of figure 2."""

from experiments.lib import places
from experiments.lib import policy_figure_files


def test_committed_data_are_drawn_and_described(
  tmp_path, capsys, saved_figures
):
  picture = tmp_path / 'figure2.png'
  policy_figure_files.draw(places.RESULTS / 'figure2', picture)
  assert picture.stat().st_size > 10_000
  assert len(saved_figures) == 1
  assert capsys.readouterr().out.splitlines()[-1] == str(picture)
