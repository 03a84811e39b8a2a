"""Whether a picture is the committed one, as far as machines agree."""

import pathlib

from matplotlib import image as image_lib
import numpy as np


def assert_alike(found: pathlib.Path, committed: pathlib.Path) -> None:
  """Fails if two pictures differ by more than how fonts are laid out."""
  first, second = image_lib.imread(found), image_lib.imread(committed)
  # By a pixel more or less on another machine.
  assert np.allclose(first.shape, second.shape, atol=4)
  rows, columns = np.minimum(first.shape, second.shape)[:2]
  difference = np.abs(first[:rows, :columns] - second[:rows, :columns])
  # A line that is another covers some hundred pixels of a million.
  assert np.mean(difference) < 0.02
  assert np.mean(difference.max(axis=-1) > 0.3) < 1e-3
