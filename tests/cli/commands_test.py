"""The command line as a user meets it, before anything is done."""

from importlib import metadata
import pathlib
import signal
import subprocess
import sys

import pytest

_NAMES = (
  'train',
  'evaluate',
  'record',
  'export',
  'push-to-hub',
  'plot',
  'sweep',
  'doctor',
)


@pytest.mark.parametrize('name', _NAMES)
def test_help_is_a_screen_and_comes_at_once(name, quinoa):
  result = quinoa.lightly(name, '--help')
  assert result.returncode == 0, result.stderr
  assert result.stderr == ''
  lines = result.stdout.splitlines()
  assert lines[0].startswith(f'usage: quinoa {name}')
  assert len(lines) <= 40
  assert max(map(len, lines)) <= 80
  assert '--workdir' in result.stdout or name == 'sweep'
  # Of processor, which is what a quiet machine takes; a fifth of it is usual.
  assert result.seconds < 0.5


@pytest.mark.parametrize('arguments', [('--help',), ('-h',), ()])
def test_the_commands_are_listed(arguments, quinoa):
  result = quinoa.lightly(*arguments)
  assert result.returncode == (0 if arguments else 1)
  for name in _NAMES:
    assert f'\n  {name} ' in result.stdout
  assert len(result.stdout.splitlines()) <= 24


def test_the_version_is_the_package_s(quinoa):
  result = quinoa.lightly('--version')
  assert result.returncode == 0
  assert result.stdout == f'quinoa {metadata.version("quinoa-acme")}\n'


@pytest.mark.parametrize(
  ('arguments', 'message'),
  [
    ('tain', "no command 'tain'; did you mean 'train'?"),
    ('--workdir=x', "no command '--workdir=x'"),
    ('train --batchsize=1', "'batchsize'. Did you mean: batch_size"),
    ('train --flwo.max_tilt=1', 'Did you mean: flow.max_tilt'),
    ('train --num_steps.x=1', "'num_steps.x'"),
    ('train --agent=sca', "did you mean 'sac'?"),
    ('train --agent', 'There are d4pg, quinoa, sac, svg0.'),
    ('train --agent sac --num_atoms=3', "'num_atoms'"),
    ('evaluate', '--workdir is not set: The folder of the run'),
    ('evaluate --workdi=x', 'Did you mean: workdir'),
    ('evaluate x --episodes=0', 'is not a positive integer'),
    ('evaluate x y', "'y' is no flag"),
    ('record x', '--output is not set'),
    ('record', '--workdir is not set'),
    ('record x --output=/dev/null/x.npz', 'nothing can be written'),
    ('export x', '--output is not set'),
    ('push-to-hub x', '--repo is not set'),
    ('export x --output=y --format=pickle', '<onnx|stablehlo|npz>'),
    ('plot', '--workdir is not set'),
    ('plot x --figure=none', 'should be one of'),
    ('sweep', '--suite is not set'),
    ('sweep nowhere.json', "no suite 'nowhere.json'"),
    ('sweep quik', "did you mean 'quick'?"),
    ('sweep quick --cores=none', 'this process may use'),
    ('doctor --workdr=x', 'unrecognized arguments: --workdr=x'),
  ],
)
def test_what_does_not_fit_is_told_at_once(arguments, message, quinoa):
  result = quinoa.lightly(*arguments.split())
  assert result.returncode in (1, 2)
  assert message in result.stderr
  assert 'Traceback' not in result.stderr
  assert result.stdout == ''
  assert result.seconds < 0.5


@pytest.mark.slow
@pytest.mark.parametrize(
  ('arguments', 'message'),
  [
    ('train --preset=papr', "did you mean 'paper'?"),
    ('train --num_steps=1e5', 'write 100000'),
    ('train --env_name=control:cheeta:run', "'control:cheetah:run'?"),
    ('train --flow.max_tlt=1', "flow: TiltedFlowConfig has no field 'max_tlt'"),
    ('train --lp_launch_type=local', 'should be one of <local_mt'),
    ('train stray', "Unknown arguments ['stray']"),
    ('evaluate nowhere', 'Give the folder of a run'),
    ('evaluate nowhere --mode=argmx', "did you mean 'argmax'?"),
    ('record nowhere --output=x.npz', 'Give the folder of a run'),
    ('export nowhere --output=x', 'Give the folder of a run'),
    ('push-to-hub nowhere --repo=x', 'Give the folder of a run'),
    ('export nowhere --output=/dev/null/x', 'nothing can be written'),
    ('plot nowhere', 'Give the directory of a run'),
  ],
)
def test_a_wrong_value_is_told_in_words(arguments, message, quinoa):
  result = quinoa.freshly(*arguments.split())
  assert result.returncode == 1
  assert message in result.stderr
  assert 'Traceback' not in result.stderr
  assert len(result.stderr.strip().splitlines()) <= 2
  # Neither Reverb nor TensorFlow is imported, which alone takes more.
  assert result.seconds < 3.0
  assert not list(quinoa.cwd.iterdir())


def test_a_sweep_that_is_no_json_is_named(quinoa):
  (quinoa.cwd / 'mine.json').write_text('{"runs": [}')
  result = quinoa.lightly('sweep', 'mine.json')
  assert result.returncode == 1
  assert 'mine.json is not JSON: Expecting value: line 1' in result.stderr


@pytest.mark.parametrize('name', ['--help', 'train', 'doctor'])
def test_a_reader_that_is_gone_is_no_error(name, tmp_path):
  script = pathlib.Path(sys.executable).with_name('quinoa')
  asked = [] if name == '--help' else ['--help']
  command = f'{script} {" ".join([name, *asked])} | true'
  # The shell's status is that of the last; the first must say nothing.
  result = subprocess.run(
    ['bash', '-c', command], cwd=tmp_path, capture_output=True, text=True
  )
  assert result.stderr == ''


@pytest.mark.parametrize('name', ['evaluate', 'train'])
def test_ctrl_c_during_the_imports_leaves_no_traceback(name, tmp_path):
  # The import of JAX is where it meets the program.
  (tmp_path / 'jax.py').write_text(
    'import time\nprint("ready", flush=True)\ntime.sleep(60)'
  )
  process = subprocess.Popen(
    [sys.executable, '-m', 'quinoa_acme', name]
    + (['x'] if name == 'evaluate' else []),
    cwd=tmp_path,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )
  assert process.stdout is not None
  assert process.stdout.readline() == 'ready\n'
  process.send_signal(signal.SIGINT)
  _, errors = process.communicate(timeout=60)
  assert process.returncode == 130
  assert errors == ''
