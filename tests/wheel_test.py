"""The wheel holds the package, all of it, and nothing else."""

import pathlib
import subprocess
import sys
import zipfile

import pytest

_ROOT = pathlib.Path(__file__).resolve().parents[1]


@pytest.mark.slow
def test_wheel_holds_only_the_package(tmp_path):
  command = [sys.executable, '-m', 'build', '--wheel', '--no-isolation']
  subprocess.run(
    [*command, '--outdir', str(tmp_path), str(_ROOT)],
    check=True,
    capture_output=True,
  )
  (wheel,) = tmp_path.glob('*.whl')
  names = zipfile.ZipFile(wheel).namelist()
  packaged = {name for name in names if '.dist-info/' not in name}
  in_tree = {
    str(path.relative_to(_ROOT))
    for path in (_ROOT / 'quinoa_acme').rglob('*')
    if path.is_file() and '__pycache__' not in path.parts
  }
  assert packaged == in_tree
  assert 'quinoa_acme/py.typed' in packaged
