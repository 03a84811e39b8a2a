"""What each node may use of the machine, and who may talk to its server."""

from concurrent import futures
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading

import jax
import launching
import listening as listening_lib
import pytest
import waiting

from quinoa_acme.utils import resources

_PROGRAM = (
  pathlib.Path(__file__).parents[1] / 'programs' / 'telling_environment.py'
)
_THREADS = (
  'NPROC',
  'OMP_NUM_THREADS',
  'OPENBLAS_NUM_THREADS',
  'TF_NUM_INTRAOP_THREADS',
  'TF_NUM_INTEROP_THREADS',
)
_OF_A_GPU = {
  'XLA_PYTHON_CLIENT_PREALLOCATE': 'false',
  'JAX_DEFAULT_MATMUL_PRECISION': 'highest',
}
_ROLES = ('run', 'learner', 'counter', 'evaluator', 'actor')


@pytest.mark.parametrize('role', _ROLES)
def test_only_what_learns_sees_a_gpu(role):
  variables = resources.environment_of(role)
  sees_none = {'JAX_PLATFORMS': 'cpu', 'CUDA_VISIBLE_DEVICES': ''}
  if role in ('run', 'learner'):
    assert not set(sees_none) & set(variables)
  else:
    assert sees_none.items() <= variables.items()


def test_the_learner_takes_of_a_gpu_what_it_needs_and_multiplies_in_full(
  monkeypatch,
):
  for name in _OF_A_GPU:
    monkeypatch.delenv(name, raising=False)
  assert _OF_A_GPU.items() <= resources.environment_of('learner').items()
  monkeypatch.setenv('XLA_PYTHON_CLIENT_PREALLOCATE', 'true')
  monkeypatch.setenv('JAX_DEFAULT_MATMUL_PRECISION', 'tensorfloat32')
  theirs = resources.environment_of('learner')
  assert theirs['XLA_PYTHON_CLIENT_PREALLOCATE'] == 'true'
  assert theirs['JAX_DEFAULT_MATMUL_PRECISION'] == 'tensorfloat32'


@pytest.mark.parametrize('role', ['learner', 'run', 'actor'])
def test_what_is_compiled_is_kept_where_the_user_wants(role, monkeypatch):
  names = (
    'JAX_COMPILATION_CACHE_DIR',
    'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS',
  )
  for name in names:
    monkeypatch.delenv(name, raising=False)
  ours = resources.environment_of(role)
  assert ours[names[0]] == str(resources.compilation_cache())
  assert ours[names[1]] == '0.5'
  for name, value in zip(names, ('/elsewhere', '3'), strict=True):
    monkeypatch.setenv(name, value)
  theirs = resources.environment_of(role)
  assert [theirs[name] for name in names] == ['/elsewhere', '3']


@pytest.fixture
def cores(monkeypatch):
  """Sets how many cores there are; nobody has chosen a number of threads."""
  monkeypatch.delenv('NPROC', raising=False)
  monkeypatch.delenv('QUINOA_ACME_NPROC', raising=False)

  def set_cores(number):
    monkeypatch.setattr(os, 'sched_getaffinity', lambda pid: set(range(number)))

  return set_cores


@pytest.mark.parametrize('role', _ROLES)
def test_a_node_has_one_thread_and_a_run_in_one_process_two(role, cores):
  for number, of_run in ((1, '1'), (2, '2'), (64, '2')):
    cores(number)
    variables = resources.environment_of(role)
    expected = of_run if role == 'run' else '1'
    assert variables.pop('NPROC') == expected
    assert {variables[name] for name in _THREADS if name in variables} == {'1'}


def test_xla_has_the_threads_that_the_user_wants(monkeypatch, cores):
  cores(2)
  for number in ('1', '2', '4'):
    monkeypatch.setenv('NPROC', number)
    monkeypatch.delenv('QUINOA_ACME_NPROC', raising=False)
    for role in ('run', 'actor', 'learner'):
      variables = resources.environment_of(role)
      assert variables['NPROC'] == number
      for name, value in variables.items():
        monkeypatch.setenv(name, value)


def test_a_launchers_own_threads_are_not_its_nodes(monkeypatch, cores):
  cores(2)
  for name, value in resources.environment_of('run').items():
    monkeypatch.setenv(name, value)
  assert resources.environment_of('actor')['NPROC'] == '1'
  assert resources.environment_of('run')['NPROC'] == '2'
  monkeypatch.setenv('NPROC', '1')
  monkeypatch.setenv('QUINOA_ACME_NPROC', '1')
  resources.take_threads_of_a_run()
  assert os.environ['NPROC'] == '2'
  cores(1)
  assert resources.environment_of('run')['NPROC'] == '1'


# The share of the busiest thread in the processor time of products, the least
# of several. Unlike the time that they took it is the same on a busy machine.
_SHARE_OF_ONE_THREAD = """
import pathlib, runpy, sys
runpy.run_path(sys.argv[1])['configure_process']('learner')
import jax, jax.numpy as jnp

def ticks():
  threads = pathlib.Path('/proc/self/task').iterdir()
  fields = {x.name: (x / 'stat').read_text().split(')')[1] for x in threads}
  return {x: sum(map(int, y.split()[11:13])) for x, y in fields.items()}

x = jnp.ones((2000, 2000))
f = jax.jit(lambda x: x @ x / 2000.0)
f(x).block_until_ready()
shares = []
# On a busy machine one thread may be done before another has begun.
while len(shares) < 10 and min(shares, default=1.0) > 0.8:
  before = ticks()
  for _ in range(2):
    f(x).block_until_ready()
  spent = [y - before.get(x, 0) for x, y in ticks().items()]
  shares.append(max(spent) / sum(spent))
print(min(shares))
"""


@pytest.mark.skipif(
  len(os.sched_getaffinity(0)) < 2, reason='needs two processors'
)
@pytest.mark.parametrize(('num_threads', 'is_one'), [('1', True), ('2', False)])
def test_xla_computes_in_as_many_threads(num_threads, is_one):
  output = subprocess.run(
    [sys.executable, '-c', _SHARE_OF_ONE_THREAD, resources.__file__],
    capture_output=True,
    text=True,
    check=True,
    env={**os.environ, 'NPROC': num_threads},
  ).stdout
  assert (float(output) > 0.8) == is_one


def test_what_one_thread_computes_is_compiled_for_it(monkeypatch, cores):
  in_one = dict(resources.IN_CALLING_THREAD)
  cores(2)
  assert resources.compiler_options() == {}
  cores(1)
  assert resources.compiler_options() == in_one
  monkeypatch.setenv('NPROC', '2')
  assert resources.compiler_options() == {}
  cores(2)
  monkeypatch.setenv('NPROC', '1')
  assert resources.compiler_options() == in_one
  monkeypatch.setattr(jax, 'default_backend', lambda: 'gpu')
  assert resources.compiler_options() == {}


# The share of the calling thread in the processor time of many products.
_SHARE_OF_THE_CALLER = """
import runpy, sys, time
resources = runpy.run_path(sys.argv[1])
resources['configure_process']('learner')
import jax, jax.numpy as jnp

resources['compute_in_calling_thread']()

def multiply(x):
  # Branches that could be computed at once, as those of an update.
  return sum(jnp.tanh(x @ (i * x)) @ x for i in range(50))

x = jnp.ones((256, 256)) / 256.0
f = jax.jit(multiply, compiler_options=resources['compiler_options']())
f(x).block_until_ready()
caller, all_threads = time.thread_time(), time.process_time()
for _ in range(20):
  f(x).block_until_ready()
print((time.thread_time() - caller) / (time.process_time() - all_threads))
"""


def test_a_program_is_computed_in_the_thread_that_calls_it():
  output = subprocess.run(
    [sys.executable, '-c', _SHARE_OF_THE_CALLER, resources.__file__],
    capture_output=True,
    text=True,
    check=True,
    env={**os.environ, 'NPROC': '1'},
  ).stdout
  assert float(output) > 0.95


def test_tensorflow_gets_no_gpu(monkeypatch):
  import tensorflow as tf

  hidden = []
  monkeypatch.setattr(
    tf.config, 'set_visible_devices', lambda *args: hidden.append(args)
  )
  resources.hide_gpus_from_tensorflow()
  assert hidden == [([], 'GPU')]


def _inodes(pid: int) -> set[int]:
  """The sockets of a process."""
  found = set()
  for fd in os.listdir(f'/proc/{pid}/fd'):
    try:
      target = os.readlink(f'/proc/{pid}/fd/{fd}')
    except OSError:
      continue
    if match := re.fullmatch(r'socket:\[(\d+)\]', target):
      found.add(int(match.group(1)))
  return found


def _niceness() -> int:
  return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def _niceness_of_threads(pid: int):
  for thread in os.listdir(f'/proc/{pid}/task'):
    # One may end meanwhile.
    with contextlib.suppress(ProcessLookupError):
      yield os.getpriority(os.PRIO_PROCESS, int(thread))


def test_a_thread_gives_way_with_those_that_it_starts():
  ours, behind = _niceness(), max(_niceness(), 10)
  found = []

  def start(give_way):
    give_way()
    thread = threading.Thread(target=lambda: found.append(_niceness()))
    thread.start()
    thread.join()

  with futures.ThreadPoolExecutor(max_workers=1) as pool:
    pool.submit(start, lambda: None).result()
    pool.submit(start, resources.give_way).result()
    # Who has been asked to give way more goes on doing so.
    pool.submit(start, lambda: os.nice(19)).result()
    pool.submit(start, resources.give_way).result()
  assert found == [ours, behind, 19, 19]
  assert resources.call_behind(_niceness) == behind
  assert _niceness() == ours


@pytest.mark.slow
def test_the_nodes_of_a_program(tmp_path):
  """Their variables, JAX's devices, and what their servers listen to."""
  process = launching.start_program(str(_PROGRAM), str(tmp_path))
  try:
    launching.wait_for_learning(tmp_path, process)
    told = {
      path.stem: json.loads(path.read_text())
      for path in (tmp_path / 'told').iterdir()
    }
    listening = listening_lib.devices()
    devices = [
      listening[inode]
      for pid in launching.pids_of_session(process.pid)
      for inode in _inodes(pid) & set(listening)
    ]
    niceness = {
      pathlib.Path(os.readlink(f'/proc/{pid}/fd/1')).parent.name: set(
        _niceness_of_threads(pid)
      )
      for pid in launching.pids_of_session(process.pid)
    }
    process.send_signal(signal.SIGTERM)
    launching.finish(process)
  finally:
    launching.end_all()
  # What only moves data gives way to updates.
  ours, behind = _niceness(), max(_niceness(), 10)
  assert niceness['learner'] == {ours, behind}
  assert niceness['evaluator'] == {ours}
  # Of counter, learner and replay.
  assert len(devices) >= 3
  assert set(devices) == {socket.if_nametoindex('lo')}
  assert set(told) == {'learner', 'evaluator', 'actor'}
  for role, found in told.items():
    wanted = resources.environment_of(role)
    assert wanted.items() <= found['variables'].items()
    if role != 'learner':
      assert found['platforms'] == 'cpu'
      assert set(found['devices']) == {'cpu'}


_DEAD = 'http://127.0.0.1:9'


@pytest.mark.parametrize(
  ('before', 'after'),
  [
    ({}, {}),
    ({'no_proxy': 'a.b'}, {'no_proxy': 'a.b'}),
    (
      {'https_proxy': _DEAD},
      {'no_proxy': 'localhost,127.0.0.1,::1'},
    ),
    (
      {'http_proxy': _DEAD, 'NO_PROXY': 'a.b, localhost'},
      {'no_proxy': 'a.b,localhost,127.0.0.1,::1', 'NO_PROXY': 'a.b, localhost'},
    ),
    (
      {'grpc_proxy': _DEAD, 'no_proxy': '*', 'no_grpc_proxy': 'c.d'},
      {
        'no_proxy': '*,localhost,127.0.0.1,::1',
        'no_grpc_proxy': 'c.d,localhost,127.0.0.1,::1',
      },
    ),
  ],
)
def test_loopback_goes_through_no_proxy(before, after, monkeypatch):
  for name in list(os.environ):
    if name.lower().endswith('_proxy'):
      monkeypatch.delenv(name)
  for name, value in before.items():
    monkeypatch.setenv(name, value)
  # What is set is taken back.
  for name in ('no_proxy', 'no_grpc_proxy'):
    monkeypatch.setenv(name, before.get(name, ''))
    if name not in before:
      del os.environ[name]
  resources.spare_loopback_proxies()
  found = {k: x for k, x in os.environ.items() if k.lower().startswith('no_')}
  assert found == after


_TALK_TO_REVERB = """
import {first}
import reverb
server = reverb.Server([reverb.Table.queue('table', 10)])
client = server.localhost_client()
assert 'table' in client.server_info(timeout=200)
del client
server.stop()
"""


@pytest.mark.slow
@pytest.mark.parametrize('first', ['quinoa_acme', 'acme'])
def test_reverb_is_reached_beside_a_dead_proxy(first):
  # As a program's nodes, and an agent in a layout of Acme's.
  env = {k: x for k, x in os.environ.items() if k.lower() != 'no_proxy'}
  names = ('http_proxy', 'https_proxy', 'grpc_proxy')
  result = subprocess.run(
    [sys.executable, '-c', _TALK_TO_REVERB.format(first=first)],
    env=env | dict.fromkeys(names, _DEAD),
    capture_output=True,
    text=True,
    timeout=waiting.LIMIT,
    check=False,
  )
  assert result.returncode == 0, result.stderr
