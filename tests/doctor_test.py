"""The doctor finds what is wrong, and runs where everything is broken."""

import os
import pathlib
import subprocess
import sys

import pytest

from quinoa_acme import doctor
from quinoa_acme.runs.watching import rendering

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_NAMES = [
  'interpreter',
  'packages',
  'distributed',
  'processor',
  'imports',
  'rendering',
  'ports',
  'disk',
  'shared memory',
]
# What it looks for where no program of several processes can run.
_IN_ONE_PROCESS = [x for x in _NAMES if x not in ('ports', 'shared memory')]


def _findings(output: str) -> dict[str, str]:
  """The status of each check; every line that is not one says a mend."""
  lines = output.splitlines()
  found = {}
  for line, following in zip(lines, [*lines[1:], ''], strict=True):
    if line.startswith(' '):
      assert len(line.split()) > 2
      continue
    status, rest = line.split(maxsplit=1)
    found[rest.split(':')[0]] = status
    assert following.startswith('      ') == (status != doctor.OK), line
  return found


@pytest.mark.slow
def test_nothing_is_wrong_where_the_tests_run(tmp_path, capsys):
  status = doctor.main([f'--workdir={tmp_path}'])
  found = _findings(capsys.readouterr().out)
  assert list(found) == _NAMES
  assert status == 0
  # A machine of the continuous integration may have no renderer.
  assert {found[name] for name in _NAMES if name != 'rendering'} <= {
    doctor.OK,
    doctor.WARNING,
  }


def test_it_runs_where_packages_are_broken(tmp_path):
  """Without site-packages, and with a JAX that does not import."""
  (tmp_path / 'jax.py').write_text("raise RuntimeError('a broken build')\n")
  result = subprocess.run(
    [sys.executable, '-S', '-m', 'quinoa_acme.doctor'],
    cwd=_ROOT,
    env={**os.environ, 'PYTHONPATH': str(tmp_path)},
    capture_output=True,
    text=True,
    check=False,
  )
  found = _findings(result.stdout)
  assert list(found) == _IN_ONE_PROCESS, result.stderr
  assert result.returncode == 1
  assert found['interpreter'] == 'ok'
  assert found['packages'] == found['imports'] == 'FAIL'
  assert 'jax: RuntimeError: a broken build' in result.stdout
  assert 'Run `make setup`' in result.stdout


def test_a_processor_without_avx_is_told(monkeypatch):
  monkeypatch.setattr('builtins.open', lambda path: _Processor())
  finding = doctor.check_processor('.')
  assert finding.status == doctor.FAILURE
  assert 'no AVX' in finding.text


class _Processor:
  def __enter__(self):
    return ['processor: 0\n', 'flags: fpu sse2 avx512_of_another_name\n']

  def __exit__(self, *unused):
    pass


def test_a_package_that_ends_its_process_is_told(tmp_path, monkeypatch):
  (tmp_path / 'ended.py').write_text(
    'import os, signal\nos.kill(os.getpid(), signal.SIGILL)\n'
  )
  (tmp_path / 'raising.py').write_text("raise ImportError('no such symbol')\n")
  monkeypatch.setenv('PYTHONPATH', str(tmp_path))
  monkeypatch.setattr(doctor, '_IMPORTS', ('json', 'ended', 'raising'))
  finding = doctor.check_imports('.')
  assert finding.status == doctor.FAILURE
  assert 'ended: ended by SIGILL' in finding.text
  assert 'raising: ImportError: no such symbol' in finding.text


def test_no_renderer_is_a_warning(monkeypatch):
  monkeypatch.setattr(rendering, 'why_not', lambda backend: f'no lib{backend}')
  finding = doctor.check_rendering('.')
  assert finding.status == doctor.WARNING
  assert 'osmesa: no libosmesa' in finding.text
  assert 'apt install' in finding.mend


def test_no_loopback_is_told(monkeypatch):
  def refuse(*unused, **kwargs):
    raise OSError('Network is unreachable')

  monkeypatch.setattr('socket.create_connection', refuse)
  finding = doctor.check_ports('.')
  assert finding.status == doctor.FAILURE
  assert 'Network is unreachable' in finding.text
  assert 'ip link set lo up' in finding.mend


def test_servers_that_can_not_be_kept_to_the_machine_are_a_warning(monkeypatch):
  monkeypatch.setattr(doctor, '_is_kept_to_this_machine', lambda server: False)
  finding = doctor.check_ports('.')
  assert finding.status == doctor.WARNING
  assert 'firewall' in finding.mend


@pytest.mark.parametrize(
  ('free', 'status'),
  [(10**6, 'FAIL'), (500 * 2**20, 'warn'), (10**11, 'ok')],
)
def test_a_full_disk_is_told_before_it_is_full(
  tmp_path, monkeypatch, free, status
):
  monkeypatch.setattr('shutil.disk_usage', lambda path: _Usage(free))
  finding = doctor.check_disk(str(tmp_path / 'not' / 'yet' / 'there'))
  assert finding.status == status
  assert f'under {tmp_path}' in finding.text


class _Usage:
  def __init__(self, free: int):
    self.free = free


def test_a_check_that_goes_wrong_itself_is_a_finding():
  def check_something_odd(workdir):
    raise KeyError(workdir)

  finding = doctor._make(check_something_odd, 'here')
  assert finding.name == 'something odd'
  assert finding.status == doctor.FAILURE
  assert "KeyError: 'here'" in finding.text
