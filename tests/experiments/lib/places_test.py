"""Where the scripts read and write."""

from experiments.lib import places


def test_what_is_named_is_there():
  folders = (places.RESULTS, places.SWEEPS, places.DOCS, places.IMAGES)
  assert all(folder.is_dir() for folder in folders)
  assert (places.SCRIPTS / 'run_quinoa.py').exists()
  assert (places.ROOT / 'pyproject.toml').exists()
