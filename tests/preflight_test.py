"""Tests that a wrong set-up is refused in one line, before anything heavy."""

import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

PREFLIGHT = pathlib.Path(__file__).parents[1] / 'quinoa_acme' / '_preflight.py'


@pytest.fixture
def preflight():
  """The module, loaded by its path, as the program does."""
  spec = importlib.util.spec_from_file_location('preflight', PREFLIGHT)
  assert spec is not None
  assert spec.loader is not None
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module


def _run(*command, **environment):
  return subprocess.run(
    [str(part) for part in command],
    env={**os.environ, **environment},
    capture_output=True,
    text=True,
    check=False,
  )


def _assert_refused(result, *words):
  """Asserts that the program said one line, with the words, and failed."""
  assert result.returncode == 1
  assert result.stdout == ''
  assert result.stderr.count('\n') == 1
  assert result.stderr.startswith('quinoa-acme: ')
  for word in words:
    assert word in result.stderr


def _other_python(version):
  """An interpreter of another version, on PATH or among pyenv's."""
  candidates = [shutil.which(f'python{version}')]
  if shutil.which('pyenv'):
    prefix = _run('pyenv', 'prefix', version).stdout.strip()
    candidates.append(f'{prefix}/bin/python{version}')
  for candidate in filter(None, candidates):
    try:
      if _run(candidate, '-c', '').returncode == 0:  # A dead shim exists too.
        return candidate
    except OSError:
      continue
  pytest.skip(f'this machine has no Python {version}')


def _install(directory, name, version, *requirements):
  """Makes what importlib.metadata takes for an installed package."""
  info = directory / f'{name}-{version}.dist-info'
  info.mkdir()
  lines = ['Metadata-Version: 2.1', f'Name: {name}', f'Version: {version}']
  lines += [f'Requires-Dist: {requirement}' for requirement in requirements]
  (info / 'METADATA').write_text('\n'.join(lines) + '\n\nA description.\n')


def _any_shared_library(path):
  """Puts at `path` some library that any Python process can load."""
  numpy = importlib.util.find_spec('numpy')
  assert numpy is not None
  assert numpy.origin is not None
  library = next(pathlib.Path(numpy.origin).parent.glob('random/_common*.so'))
  shutil.copy(library, path)


@pytest.mark.parametrize('options', [[], ['--distributed']])
def test_this_environment_passes(options):
  result = _run(sys.executable, PREFLIGHT, *options)

  assert (result.returncode, result.stdout, result.stderr) == (0, '', '')


def test_it_is_quick_and_imports_nothing_heavy():
  script = (
    'import os, runpy, sys\n'
    f'runpy.run_path({str(PREFLIGHT)!r})["run"]()\n'
    'print(" ".join(sys.modules))\n'
    'print(sum(os.times()[:2]))'
  )
  *modules, seconds = _run(sys.executable, '-c', script).stdout.split()

  heavy = {'quinoa_acme', 'numpy', 'jax', 'tensorflow', 'launchpad', 'acme'}
  assert 'sys' in modules
  assert not heavy.intersection(modules)
  # Of the processor. About 0.07 s with the interpreter's own start; where it
  # waits for others it takes longer.
  assert float(seconds) < 1


@pytest.mark.parametrize('version', ['3.7', '3.8', '3.9'])
def test_an_older_python_is_refused(version):
  _assert_refused(
    _run(_other_python(version), PREFLIGHT),
    'Python 3.10 to 3.13 is needed',
    f'is {version}.',
    '`make setup`',
    '.venv/bin/python',
  )


@pytest.mark.parametrize('version', ['3.11', '3.12', '3.13'])
def test_a_newer_python_is_refused_for_several_processes_alone(version):
  python = _other_python(version)
  _assert_refused(_run(python, PREFLIGHT), 'The package is not installed')
  _assert_refused(
    _run(python, PREFLIGHT, '--distributed'),
    'Python 3.10 is needed',
    f'is {version}.',
    '`make setup`',
    '.venv/bin/python',
  )


def test_an_interpreter_without_the_package_is_refused():
  # -S leaves out site-packages, and so the package and all it needs.
  _assert_refused(
    _run(sys.executable, '-S', PREFLIGHT, PYTHONPATH=''),
    'The package is not installed',
    '`make setup`',
  )


def test_a_wrong_version_is_named_with_the_expected_one(tmp_path):
  _install(tmp_path, 'jax', '0.7.0')
  _install(tmp_path, 'numpy', '2.1.0')

  _assert_refused(
    _run(sys.executable, PREFLIGHT, PYTHONPATH=str(tmp_path)),
    'jax is 0.7.0, expected ==0.6.2',
    'numpy is 2.1.0, expected <2. ',
    '`make setup`',
  )


def test_an_installation_cut_short_is_refused(tmp_path):
  (tmp_path / 'jax-0.6.2.dist-info').mkdir()

  result = _run(sys.executable, PREFLIGHT, PYTHONPATH=str(tmp_path))

  _assert_refused(result, 'jax is unknown, expected ==0.6.2')


def test_a_missing_package_is_named_and_extras_are_not(tmp_path):
  _install(
    tmp_path,
    'quinoa_acme',
    '1',
    'no-such-package>=1',
    'absl_py',
    "no-such-extra==1; extra == 'gpu'",
  )

  result = _run(sys.executable, PREFLIGHT, PYTHONPATH=str(tmp_path))

  _assert_refused(result, 'Wrong packages: no-such-package is missing.')


@pytest.mark.parametrize(
  ('options', 'is_installed'),
  [([], False), ([], True), (['--distributed'], False)],
  ids=['not asked for', 'installed', 'asked for'],
)
def test_the_pins_hold_where_several_processes_are_wanted(
  preflight, tmp_path, options, is_installed
):
  here = "(python_version < '3.11' and sys_platform == 'linux')"
  elsewhere = here.replace("== 'linux'", "== 'win32'")
  _install(
    tmp_path,
    'quinoa_acme',
    '1',
    'absl-py',
    f"no-such-pin==1; {here} and extra == 'distributed'",
    f"no-such-other==1; {elsewhere} and extra == 'distributed'",
    "no-such-newer; python_version >= '3.11'",
  )
  # The distribution that tells whether the extra is there.
  launchpad = 'dm-launchpad' if is_installed else 'no-such-launchpad'
  script = (
    'import runpy\n'
    f'run = runpy.run_path({str(PREFLIGHT)!r})["run"]\n'
    f'run.__globals__["_LAUNCHPAD"] = {launchpad!r}\n'
    f'run({bool(options)})'
  )

  result = _run(sys.executable, '-c', script, PYTHONPATH=str(tmp_path))

  if options or is_installed:
    _assert_refused(result, 'Wrong packages: no-such-pin is missing.')
  else:
    assert (result.returncode, result.stderr) == (0, '')


@pytest.mark.parametrize(
  ('version', 'specifier', 'satisfied'),
  [
    ('0.7.3', '<0.8,>=0.7.3', True),
    ('0.8.0', '<0.8,>=0.7.3', False),
    ('0.7.2', '<0.8,>=0.7.3', False),
    ('1.0.50', '==1.0.50', True),
    ('1.0.5', '==1.0.50', False),
    ('1.26.4', '<2,>=1.26', True),
    ('2.0.0', '<2,>=1.26', False),
    ('1.9', '>=1.10', False),
    ('2', '==2.0', True),
    ('2.8.4+cpu', '==2.8.4', True),
    ('1.5', '!=1.5', False),
    ('1.5', '', True),
  ],
)
def test_versions_compare_by_number(preflight, version, specifier, satisfied):
  assert preflight._satisfies(version, specifier) is satisfied


def test_requirements_split_into_name_and_specifier(preflight):
  split = preflight._split_requirement

  assert split('jax[cuda12]==0.6.2') == ('jax', '==0.6.2')
  assert split('numpy<2,>=1.26') == ('numpy', '<2,>=1.26')
  assert split('numpy (>=1.26)') == ('numpy', '>=1.26')
  assert split('absl-py') == ('absl-py', '')


def test_a_loaded_libpython_leaves_the_environment_alone(
  preflight, monkeypatch
):
  monkeypatch.setattr(preflight, 'LIBPYTHON', 'libc.so.6')
  monkeypatch.setenv('LD_LIBRARY_PATH', '/before')

  preflight.ensure_libpython()

  assert os.environ['LD_LIBRARY_PATH'] == '/before'


@pytest.mark.parametrize('before', ['', '/before'])
def test_a_libpython_that_is_not_loaded_reaches_child_processes(
  preflight, monkeypatch, tmp_path, before
):
  # A process keeps what it has loaded, so each case has a name of its own.
  name = f'libquinoa_fake_{len(before)}.so'
  _any_shared_library(tmp_path / name)
  monkeypatch.setattr(preflight, 'LIBPYTHON', name)
  monkeypatch.setattr(
    preflight, '_library_directories', lambda: [str(tmp_path)]
  )
  monkeypatch.setenv('LD_LIBRARY_PATH', before)
  load = f'import ctypes; ctypes.CDLL({name!r})'
  assert _run(sys.executable, '-c', load).returncode != 0

  preflight.ensure_libpython()

  directories = os.environ['LD_LIBRARY_PATH'].split(':')
  assert directories == [str(tmp_path), *filter(None, [before])]
  assert _run(sys.executable, '-c', load).returncode == 0


def test_a_libpython_that_is_nowhere_is_refused(preflight, monkeypatch):
  monkeypatch.setattr(preflight, 'LIBPYTHON', 'libquinoa_nowhere.so')

  with pytest.raises(SystemExit) as refused:
    preflight.run()

  assert 'libquinoa_nowhere.so' in str(refused.value)
  assert 'apt install libpython3.10' in str(refused.value)
  assert '\n' not in str(refused.value)
