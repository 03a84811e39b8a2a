"""The picture of learning curves."""

import pictures
import pytest

from experiments.lib import places
from experiments.lib.result_tables import curves_figure
from experiments.lib.result_tables import looks


def test_the_picture_is_that_of_the_committed_rows(tmp_path):
  draw, curves = curves_figure.draw, dict(looks.read_runs())
  draw(curves, tmp_path / 'a.png')
  # Else: python experiments/make_results.py --output=.
  pictures.assert_alike(
    tmp_path / 'a.png', places.IMAGES / 'learning_curves.png'
  )
  # One with a line less is told apart.
  del curves['sac', 'default/width-128', 'cheetah-run']
  draw(curves, tmp_path / 'b.png')
  with pytest.raises(AssertionError):
    pictures.assert_alike(tmp_path / 'a.png', tmp_path / 'b.png')
