"""What scripts say of themselves, and how they end."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import time

from absl import flags
import experiment_scripts
import pytest
import script_flags

_EXPERIMENTS = experiment_scripts.EXPERIMENTS
_ROOT = _EXPERIMENTS.parent


def _run_lightly(tmp_path, script, *arguments):
  """Runs a script that can not import JAX; gives its seconds too."""
  (tmp_path / 'jax.py').write_text('raise RuntimeError("JAX was imported.")')
  started = time.monotonic()
  result = subprocess.run(
    [sys.executable, str(_EXPERIMENTS / f'{script}.py'), *arguments],
    env={**os.environ, 'PYTHONPATH': str(tmp_path)},
    capture_output=True,
    text=True,
    check=False,
  )
  return result, time.monotonic() - started


def test_help_tells_all_at_once(tmp_path):
  result, _ = _run_lightly(tmp_path, 'run_quinoa', '--help')
  assert result.returncode == 0, result.stderr
  titles = re.findall(r'^([A-Z].*):$', result.stdout, re.MULTILINE)
  assert titles == [
    'The run',
    'Replay and the update ratio',
    'QuinoaConfig',
    'Presets, whose values the flags replace',
    'Examples',
  ]
  said = ' '.join(result.stdout.split())
  assert '--num_steps environment steps to train for, over all actors.' in said
  assert '(default: 100000)' in said
  assert '(default: local_mp)' in said
  assert "  paper: The paper's algorithm" in result.stdout
  examples = result.stdout.rpartition('Examples:')[2].strip().splitlines()
  assert len(examples) == 2
  # They can be run.
  for example in examples:
    names = re.findall(r'--(\w+)', example)
    assert set(names) <= {*script_flags.define('quinoa')}


@pytest.mark.parametrize(
  ('argument', 'message'),
  [
    ('--batchsize=64', "'batchsize'. Did you mean: batch_size"),
    ('-num_step', "'num_step'. Did you mean: num_steps"),
    ('--flwo.max_tilt=1', 'Did you mean: flow.max_tilt'),
    ('--nodistributed', "'nodistributed'. Did you mean: run_distributed"),
  ],
)
def test_a_typo_is_told_at_once(argument, message, tmp_path):
  result, seconds = _run_lightly(
    tmp_path, 'run_quinoa', argument, '--workdir=new'
  )
  assert result.returncode == 1
  assert message in result.stderr
  assert len(result.stderr.strip().splitlines()) == 1
  # A tenth of it on a quiet machine.
  assert seconds < 2.0 or os.getloadavg()[0] > 2.0


def test_the_default_launch_type_is_processes():
  values = script_flags.define('quinoa')
  values(['script'])
  assert values.lp_launch_type == 'local_mp'
  readme = (_ROOT / 'README.md').read_text()
  assert '`local_mp` (the default)' in readme


def _all_scripts() -> list[pathlib.Path]:
  return sorted(_EXPERIMENTS.glob('*.py'))


def _trains(path: pathlib.Path) -> bool:
  return 'scripts.train(' in path.read_text()


@pytest.mark.parametrize('path', _all_scripts(), ids=lambda path: path.stem)
def test_a_script_does_nothing_but_by_its_flags(path):
  # What it does under `if __name__ == '__main__'`, after which nothing comes.
  *_, guard, action = path.read_text().rstrip().splitlines()
  assert guard == "if __name__ == '__main__':"
  assert re.fullmatch(
    r"  (scripts\.(run\(main\)|train\('\w+'\))|commands\.run_script\('\w+'\))",
    action,
  )


# They print what they find; a file is made if they are told which.
_PRINT = {
  'compare_devices',
  'profile_run',
  'time_imports',
  'time_updates',
  'try_tasks',
}


@pytest.mark.parametrize(
  'path',
  [x for x in _all_scripts() if not _trains(x) and x.stem not in _PRINT],
  ids=lambda path: path.stem,
)
def test_a_script_writes_nothing_that_it_was_not_told_to(path):
  with experiment_scripts.load(path.stem) as script:
    needed = {'output', 'workdir', 'suite'} & script.flags
    assert needed

    def run():
      flags.FLAGS([path.stem])
      script.names['main']([path.stem])

    with pytest.raises((flags.Error, SystemExit)) as error:
      run()
  assert any(f'--{name}' in str(error.value) for name in needed)


@pytest.mark.slow
@pytest.mark.parametrize('script', ['time_imports', 'figure1'])
def test_help_of_other_scripts(script, tmp_path):
  path = _EXPERIMENTS / f'{script}.py'
  before = {x: x.stat().st_mtime_ns for x in _ROOT.rglob('docs/images/*')}
  result = subprocess.run(
    [sys.executable, str(path), '--help'],
    cwd=tmp_path,
    capture_output=True,
    text=True,
    check=False,
  )
  assert result.returncode == 0, result.stderr
  assert '  --output\n' in result.stdout
  assert result.stdout.splitlines()[0] in path.read_text()
  assert not list(tmp_path.iterdir())
  after = {x: x.stat().st_mtime_ns for x in _ROOT.rglob('docs/images/*')}
  assert after == before


def test_scripts_beside_the_experiments_have_help_too(tmp_path):
  for name in ('setup', 'public_api'):
    path = _ROOT / 'scripts' / f'{name}.py'
    result = subprocess.run(
      [sys.executable, str(path), '--help'],
      cwd=tmp_path,
      capture_output=True,
      text=True,
      check=False,
    )
    assert result.returncode == 0, result.stderr
    assert 'usage: ' in result.stdout
  assert not list(tmp_path.iterdir())


_WAIT = """
import time
from quinoa_acme.runs import scripts
def main(argv):
  print('ready', flush=True)
  time.sleep(60)
scripts.run(main)
"""


def test_ctrl_c_leaves_no_traceback():
  process = subprocess.Popen(
    [sys.executable, '-c', _WAIT],
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )
  assert process.stdout is not None
  assert process.stdout.readline() == 'ready\n'
  process.send_signal(signal.SIGINT)
  _, errors = process.communicate(timeout=30)
  assert process.returncode == 130
  assert errors == ''
