"""Odd machines and callers, which end no run that is well."""

import os
import pathlib
import signal
import subprocess
import sys
import threading

import jax
import launching
import numpy as np
import pytest

import quinoa_acme
from quinoa_acme.runs import experiment
from quinoa_acme.runs import running
from quinoa_acme.runs.watching import progress
from quinoa_acme.utils import checkpointing

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

_ROOT = pathlib.Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _end_processes():
  yield
  launching.end_all()


@pytest.fixture
def double_precision():
  """JAX as JAX_ENABLE_X64=1 makes it."""
  jax.config.update('jax_enable_x64', True)
  yield
  jax.config.update('jax_enable_x64', False)


def test_an_odd_caller_in_python(
  tiny_config, point_mass, tmp_path, monkeypatch, double_precision, capsys
):
  """A thread, numbers of NumPy, a path with ~, a close() that raises.

  And single precision where JAX has double, and a picture that can not be.
  """

  class Closes(point_mass):
    def close(self):
      raise RuntimeError('it can not be closed')

  monkeypatch.setenv('HOME', str(tmp_path))
  workdir = tmp_path / 'runs' / 'odd'
  (workdir / 'learning_curve.png').mkdir(parents=True)
  config = experiment.ExperimentConfig(
    agent=tiny_config,
    environment_factory=Closes,
    env_name='odd',
    workdir=pathlib.Path('~/runs/odd'),  # pyright: ignore[reportArgumentType]
    num_steps=np.int64(130),  # pyright: ignore[reportArgumentType]
    seed=np.uint32(3),  # pyright: ignore[reportArgumentType]
    evaluation_episodes=np.int32(1),  # pyright: ignore[reportArgumentType]
    checkpoint_every=np.float32(30.0),  # pyright: ignore[reportArgumentType]
  )
  assert type(config.num_steps) is int
  statuses = []
  thread = threading.Thread(
    target=lambda: statuses.append(running.run(config, None))
  )
  thread.start()
  thread.join()
  assert statuses == [0]
  assert 'none, because it could not be drawn' in capsys.readouterr().out
  assert checkpointing.latest_step(workdir / 'checkpoints' / 'run') == 130
  assert jax.config.read('jax_enable_x64')
  policy = quinoa_acme.load_policy(pathlib.Path('~/runs/odd'))
  action = policy(np.zeros(2))
  assert action.dtype == np.float32


def test_a_program_needs_the_main_thread(tiny_config, point_mass, tmp_path):
  config = experiment.ExperimentConfig(
    agent=tiny_config,
    environment_factory=point_mass,
    env_name='point_mass',
    workdir=str(tmp_path),
  )
  errors = []

  def launch():
    with pytest.raises(ValueError, match='needs the main thread') as error:
      running.run(config, 'local_mt')
    errors.append(error)

  thread = threading.Thread(target=launch)
  thread.start()
  thread.join()
  assert errors


def test_an_odd_machine_in_one_process(tmp_path):
  """All at once: what the variables say, the folder, and who reads.

  Modules named like ours are in the current folder, and on the path.
  """
  for path in (_ROOT / 'quinoa_acme').rglob('*.py'):
    if path.stem not in ('__init__', 'types'):
      (tmp_path / path.name).write_text('raise ImportError("the wrong one")\n')
  process = launching.start(
    '--run_distributed=false',
    '--env_name=control:cartpole:swingup',
    '--num_steps=120',
    '--workdir=~/at home',
    cwd=tmp_path,
    env={
      **os.environ,
      'HOME': str(tmp_path),
      'XDG_CACHE_HOME': os.path.expanduser('~/.cache'),
      'MPLBACKEND': 'module://matplotlib_inline.backend_inline',
      'JAX_ENABLE_X64': '1',
      'LC_ALL': 'C',
      'PYTHONUTF8': '0',
      'PYTHONCOERCECLOCALE': '0',
    },
  )
  assert process.stdout is not None
  assert process.stderr is not None
  assert process.stdout.readline() == f'Workdir: {tmp_path}/at home\n'
  # As `| head -1` does.
  process.stdout.close()
  errors = process.stderr.read()
  assert process.wait() == 0, errors
  assert 'Error' not in errors
  workdir = tmp_path / 'at home'
  assert checkpointing.latest_step(workdir / 'checkpoints' / 'run') == 120
  assert (workdir / 'learning_curve.png').stat().st_size > 1000


def test_a_module_in_the_place_of_the_package_is_named(tmp_path):
  (tmp_path / 'quinoa_acme.py').write_text('')
  result = subprocess.run(
    [sys.executable, str(launching.SCRIPT), '--helpshort'],
    env={**os.environ, 'PYTHONPATH': str(tmp_path)},
    capture_output=True,
    text=True,
    check=False,
  )
  assert result.returncode == 1
  [line] = result.stderr.splitlines()
  assert f'{tmp_path}/quinoa_acme.py hides the package' in line


def test_a_terminal_without_columns_has_a_line(monkeypatch):
  main, of_process = os.openpty()
  with os.fdopen(main, 'rb', 0) as shown, os.fdopen(of_process, 'w') as stream:
    # A terminal that is just made says that it has no columns.
    assert os.get_terminal_size(stream.fileno()).columns == 0
    monkeypatch.setattr(sys, '__stdout__', stream)
    monkeypatch.delenv('COLUMNS', raising=False)
    monkeypatch.setattr(progress, '_TERMINAL_SECONDS', 0.0)
    line = progress.Progress(1000, stream)
    line.show(progress.Status(actor_steps=250))
    assert b'250/1,000 steps' in shown.read(1000)


def test_a_hang_up_stops_a_run_in_one_process_in_order(tmp_path):
  """A terminal that is closed; it may hang up twice."""
  process = launching.start(
    '--run_distributed=false', '--num_steps=1000000', f'--workdir={tmp_path}'
  )
  launching.wait_for_learning(tmp_path, process)
  for _ in range(2):
    process.send_signal(signal.SIGHUP)
  output, errors = launching.finish(process, timeout=60.0)
  assert process.returncode == 0, errors
  assert 'Stopped after' in output
