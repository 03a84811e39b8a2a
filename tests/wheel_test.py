"""The wheel holds the package, all of it, and works where nothing else is."""

import pathlib
import re
import subprocess
import sys
import sysconfig
import zipfile

import pytest

_ROOT = pathlib.Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.slow


@pytest.fixture(scope='module')
def wheel(tmp_path_factory) -> pathlib.Path:
  directory = tmp_path_factory.mktemp('wheel')
  command = [sys.executable, '-m', 'build', '--wheel', '--no-isolation']
  _run(*command, '--outdir', directory, _ROOT)
  (path,) = directory.glob('*.whl')
  return path


def _run(*command, **kwargs) -> str:
  result = subprocess.run(
    [str(part) for part in command],
    capture_output=True,
    text=True,
    check=False,
    **kwargs,
  )
  assert result.returncode == 0, result.stdout + result.stderr
  return result.stdout


def test_wheel_holds_only_the_package(wheel):
  names = zipfile.ZipFile(wheel).namelist()
  packaged = {name for name in names if '.dist-info/' not in name}
  in_tree = {
    str(path.relative_to(_ROOT))
    for path in (_ROOT / 'quinoa_acme').rglob('*')
    if path.is_file() and '__pycache__' not in path.parts
  }
  # What lets Acme be imported first.
  at_start = {path.name for path in (_ROOT / 'startup').iterdir()}
  assert at_start == {'quinoa_acme.pth', '_quinoa_acme_startup.py'}
  assert packaged == in_tree | at_start
  assert 'quinoa_acme/py.typed' in packaged


def test_the_wheel_works_away_from_the_source_tree(wheel, tmp_path):
  python = tmp_path / 'venv' / 'bin' / 'python'
  base = pathlib.Path(sys.base_prefix) / 'bin' / 'python3.10'
  _run(base, '-m', 'venv', '--without-pip', tmp_path / 'venv')
  install = ['install', '--quiet', '--no-deps', '--no-index', wheel]
  _run(sys.executable, '-m', 'pip', '--python', python, *install)
  # The locked packages, as a path only: what makes the source tree importable
  # from them, a .pth file, is not read there.
  [site] = (tmp_path / 'venv').glob('lib/python*/site-packages')
  (site / 'locked.pth').write_text(sysconfig.get_path('purelib'))
  where = 'import quinoa_acme; print(quinoa_acme.__file__)'
  installed = _run(python, '-c', where, cwd=tmp_path).splitlines()[-1]
  assert pathlib.Path(installed).parents[1] == site
  # The command reads its flags off the source, which is elsewhere now.
  help_ = _run(python, '-m', 'quinoa_acme', 'train', '--help', cwd=tmp_path)
  assert '  --num_steps ' in help_
  example = _ROOT / 'examples' / 'learner_alone.py'
  output = _run(python, example, cwd=tmp_path)
  before, after = re.findall(r'[0-9.]+', output.splitlines()[-1])
  # Two points at random in a square of side 2 are 1.04 apart.
  assert float(before) > 0.9
  assert float(after) < 0.5
