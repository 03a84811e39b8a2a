"""What runs in one process needs neither Acme nor Reverb nor TensorFlow."""

import pathlib

import fresh
import pytest

pytestmark = pytest.mark.slow

_HEAVY = (
  'acme',
  'courier',
  'distrax',
  'launchpad',
  'reverb',
  'rlax',
  'tensorflow',
  'tensorflow_probability',
)
_TRAIN = """
import dataclasses
from quinoa_acme import EnvironmentFactory, ExperimentConfig, QuinoaConfig
from quinoa_acme import load_policy, run
agent = dataclasses.replace(
  QuinoaConfig.debug(), batch_size=8, value_hidden_sizes=(8,)
)
name = 'control:cartpole:swingup'
config = ExperimentConfig(
  agent, EnvironmentFactory(name), name, {folder!r},
  num_steps={num_steps}, eval_every=60, evaluation_episodes=1,
  evaluation_limit=evaluation_limits.TruncateAfter(20),
)
assert run(config, launch_type=None, allow_changes=['num_steps']) == 0
policy = load_policy({folder!r})
assert policy([0.0] * 5).shape == (1,)
"""
_PRELUDE = """
import sys
from quinoa_acme.runs import evaluation_limits
"""
_CHECK = f"""
found = {{name.partition('.')[0] for name in sys.modules}} & set({_HEAVY!r})
assert not found, found
"""
_BLOCK = f"""
import importlib.abc, sys

class Block(importlib.abc.MetaPathFinder):
  def find_spec(self, name, path=None, target=None):
    if name.partition('.')[0] in {_HEAVY!r}:
      raise ModuleNotFoundError(f'No module named {{name!r}}', name=name)

sys.meta_path.insert(0, Block())
"""
# As on macOS and Windows, and worse: for the package itself, not for those that
# it imports, which have other ways there.
_NO_LINUX = """
import builtins, os, signal, socket, sys

def is_ours(frame):
  while frame and (
    frame.f_globals['__name__'].partition('.')[0] in sys.stdlib_module_names
  ):
    frame = frame.f_back
  return frame and frame.f_globals['__name__'].startswith('quinoa_acme')

def import_there(name, *args, import_here=builtins.__import__, **kwargs):
  if name in ('fcntl', 'grp', 'pwd', 'resource', 'termios'):
    if is_ours(sys._getframe(1)):
      raise ModuleNotFoundError(f'No module named {name!r}', name=name)
  return import_here(name, *args, **kwargs)

def open_there(event, args):
  if event not in ('open', 'os.listdir', 'os.scandir'):
    return
  path = str(args[0])
  if path.startswith(('/dev', '/proc', '/sys')) and path != os.devnull:
    if is_ours(sys._getframe(1)):
      raise FileNotFoundError(2, 'No such file', path)
  if event == 'open' and os.path.isdir(path):
    if sys._getframe(1).f_globals['__name__'].startswith('quinoa_acme'):
      raise PermissionError(13, 'Windows opens no folder', path)

builtins.__import__ = import_there
sys.addaudithook(open_there)
for module, names in (
  (os, 'RTLD_NOLOAD fork forkpty getpriority getuid killpg nice '
       'sched_getaffinity sched_setaffinity setpriority setsid'),
  (signal, 'SIGHUP SIGKILL SIGUSR1 SIGUSR2'),
  (socket, 'SO_BINDTODEVICE'),
):
  for name in names.split():
    delattr(module, name)
"""
_COMMAND = """
import sys
from quinoa_acme.cli import commands
commands.main({arguments!r})
"""


@pytest.fixture(scope='module')
def workdir(tmp_path_factory) -> pathlib.Path:
  """A run that was made in a process in which nothing heavy came."""
  folder = tmp_path_factory.mktemp('light') / 'run'
  fresh.run_code(
    _PRELUDE + _TRAIN.format(folder=str(folder), num_steps=120) + _CHECK,
    folder.parent,
  )
  return folder


def test_it_trains_evaluates_and_acts_without_importing_them(workdir):
  assert (workdir / 'logs' / 'evaluator.csv').exists()


def test_it_resumes_and_acts_where_they_are_missing(workdir):
  code = _TRAIN.format(folder=str(workdir), num_steps=140)
  fresh.run_code(_BLOCK + _PRELUDE + code + _CHECK, workdir.parent)


def test_it_trains_and_acts_without_what_only_linux_has(tmp_path):
  for steps in (120, 130):
    code = _TRAIN.format(folder=f'{tmp_path}/run', num_steps=steps)
    result = fresh.run('-c', _NO_LINUX + _BLOCK + _PRELUDE + code, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert 'cannot be locked: [Errno 38] This system has no flock' in (
      result.stderr
    )


@pytest.mark.parametrize(
  'command',
  [
    ['evaluate', '--episodes=1'],
    ['record', '--num_transitions=10', '--output=data.npz'],
    ['plot'],
  ],
  ids=lambda command: command[0],
)
def test_commands_run_where_they_are_missing(workdir, command):
  name, *flags = command
  code = _COMMAND.format(arguments=[name, str(workdir), *flags])
  fresh.run_code(_BLOCK + code, workdir.parent)


def test_training_by_the_command_in_one_process(tmp_path):
  flags = ['--run_distributed=false', '--preset=debug', '--num_steps=101']
  flags += ['--env_name=control:cartpole:swingup', '--evaluation_episodes=1']
  flags += ['--evaluation_limit=TruncateAfter(20)', f'--workdir={tmp_path}/run']
  code = _COMMAND.format(arguments=['train', *flags])
  printed = fresh.run_code(_BLOCK + code, tmp_path)
  assert 'Done after 101 steps' in printed


@pytest.mark.parametrize(
  ('agent', 'missing'), [('quinoa', 'launchpad'), ('sac', 'acme')]
)
def test_what_needs_them_says_so_in_one_line(tmp_path, agent, missing):
  flags = [f'--agent={agent}', '--preset=debug', f'--workdir={tmp_path}/run']
  if agent == 'sac':
    flags.append('--run_distributed=false')
  code = _COMMAND.format(arguments=['train', *flags])
  result = fresh.run('-c', _BLOCK + code, cwd=tmp_path)
  assert result.returncode == 1
  [line] = result.stderr.splitlines()
  assert f'needs {missing}, which is not installed' in line
  assert 'quinoa-acme' in line
  assert not (tmp_path / 'run').exists()
