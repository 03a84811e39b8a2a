"""What each process of a run may use of the machine, and who may talk to it.

Only the learner computes in bulk. The others get no GPU, so that neither JAX
nor TensorFlow takes its memory, and no node starts a pool of threads as wide as
the machine: with half a dozen processes those pools only take turns. A run in
one process has two threads where it may use two cores.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent import futures
import contextlib
import ctypes
import os
import pathlib
import signal
import socket
import stat
import threading
import types
from typing import TypeVar

T = TypeVar('T')

# Holds the launcher's process number, in the nodes that have processes of
# their own.
_LAUNCHER = 'QUINOA_ACME_LAUNCHER'
# Of an update's operations few have work for more.
_MAX_THREADS_OF_A_RUN = 2
# Holds the number of threads where it is this module's choice: what a process
# sets for itself is no choice of the user's for those that it starts.
_CHOSEN_THREADS = 'QUINOA_ACME_NPROC'
# Options with which XLA computes a whole program in the thread that calls it.
# By default it hands parts of one to its pool and back, though that be a single
# thread: on two cores the data go from one's caches to the other's. The passes
# are left out since what they make of some programs ends the process.
# See docs/decisions/0027-one-thread-of-xla.md.
IN_CALLING_THREAD: Mapping[str, bool | str] = types.MappingProxyType(
  {
    'xla_cpu_use_thunk_runtime': False,
    'xla_disable_hlo_passes': 'onednn-contraction-rewriter,onednn-ops-rewriter',
  }
)
# How far threads that move data stand behind those that compute: on a busy core
# they get a tenth of it.
_NICENESS = 10
# Where gRPC looks for a proxy, and the hosts that never are behind one.
_PROXIES = ('grpc_proxy', 'https_proxy', 'http_proxy')
_LOOPBACK = ('localhost', '127.0.0.1', '::1')
# Of Linux's <sys/prctl.h>.
_PR_SET_PDEATHSIG = 1


def compilation_cache() -> pathlib.Path:
  """Where XLA's compiled programs are kept from one run to the next."""
  base = os.environ.get('XDG_CACHE_HOME') or pathlib.Path.home() / '.cache'
  return pathlib.Path(base) / 'quinoa_acme' / 'xla'


def environment_of(role: str) -> dict[str, str]:
  """The environment variables of a process, on top of the launcher's.

  Args:
    role: 'learner', 'run' for all in one process, or any other node's name.

  Returns:
    Variables to set before the process imports JAX or TensorFlow. What the user
    has set stays: the number of XLA's threads, as NPROC, where and from which
    time on JAX keeps what it compiles, and how it uses a GPU's memory and
    multiplies on it.
  """
  variables = {
    **_threads_of(role),
    'OMP_NUM_THREADS': '1',
    'OPENBLAS_NUM_THREADS': '1',
    'TF_NUM_INTRAOP_THREADS': '1',
    'TF_NUM_INTEROP_THREADS': '1',
    'TF_CPP_MIN_LOG_LEVEL': '2',
    'TF_FORCE_GPU_ALLOW_GROWTH': 'true',
    # All computes in single precision, whatever else on the machine wants.
    'JAX_ENABLE_X64': '0',
    **_unless_set(
      {
        'JAX_COMPILATION_CACHE_DIR': str(compilation_cache()),
        'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS': '0.5',
      }
    ),
  }
  if role not in ('learner', 'run'):
    return variables | {'JAX_PLATFORMS': 'cpu', 'CUDA_VISIBLE_DEVICES': ''}
  # Of a GPU, where there is one. See docs/decisions/0027-one-thread-of-xla.md.
  choices = {
    # JAX would take three quarters of its memory at once.
    'XLA_PYTHON_CLIENT_PREALLOCATE': 'false',
    # JAX would round what it multiplies to ten bits.
    'JAX_DEFAULT_MATMUL_PRECISION': 'highest',
  }
  return variables | _unless_set(choices)


def _unless_set(choices: Mapping[str, str]) -> dict[str, str]:
  """Variables with the values given, or with the user's."""
  return {name: os.environ.get(name, value) for name, value in choices.items()}


def _threads_of(role: str) -> dict[str, str]:
  """What XLA's pool of threads is made by; its flags do not hold it back."""
  wanted = os.environ.get('NPROC')
  if wanted is not None and wanted != os.environ.get(_CHOSEN_THREADS):
    return {'NPROC': wanted}
  cores = len(os.sched_getaffinity(0))
  number = min(cores, _MAX_THREADS_OF_A_RUN) if role == 'run' else 1
  return {'NPROC': str(number), _CHOSEN_THREADS: str(number)}


def configure_process(role: str) -> None:
  """Sets this process's variables; to be called before JAX is imported.

  Args:
    role: as for `environment_of`.
  """
  os.environ.update(environment_of(role))


def take_threads_of_a_run() -> None:
  """Lets XLA compute in the threads of a run in one process.

  JAX takes their number when it first computes; later this does nothing.
  """
  os.environ.update(_threads_of('run'))


def compiler_options() -> dict[str, bool | str]:
  """Options of XLA's for programs that take as long as an update.

  Returns:
    `IN_CALLING_THREAD` where JAX computes on the CPU, in one thread; else none.
  """
  import jax

  cores = len(os.sched_getaffinity(0))
  in_one = os.environ.get('NPROC', str(cores)) == '1'
  if in_one and jax.default_backend() == 'cpu':
    return dict(IN_CALLING_THREAD)
  return {}


@contextlib.contextmanager
def single_precision(everywhere: bool) -> Iterator[None]:
  """Lets JAX compute in 32 bits in the block.

  Networks and optimisers are in single precision; with JAX_ENABLE_X64 JAX would
  mix in numbers of 64 bits, and refuse the mixture.

  Args:
    everywhere: whether in all threads, and processes that are forked, or in
      the calling thread alone, beside which others may want double precision.
  """
  import jax
  from jax import experimental

  if not everywhere:
    with experimental.disable_x64():
      yield
    return
  # As other threads have it; the calling one may be in a block of its own.
  with futures.ThreadPoolExecutor(1) as pool:
    before = pool.submit(jax.config.read, 'jax_enable_x64').result()
  jax.config.update('jax_enable_x64', False)
  try:
    with experimental.disable_x64():
      yield
  finally:
    jax.config.update('jax_enable_x64', before)


def compute_in_calling_thread() -> None:
  """Lets JAX on the CPU start computing in the thread that asks for it.

  By default it hands each call to another thread, which is of use to who goes
  on meanwhile. An actor waits for its action, and a learner for its metrics;
  for them the other thread only costs two switches a call. With a pool of more
  than one thread XLA computes in all of them all the same.
  To be called before JAX is used; nodes that are forked later inherit it.
  """
  import jax

  jax.config.update('jax_cpu_enable_async_dispatch', False)


def give_way() -> None:
  """Lets other threads go before the calling one, and those that it starts.

  For what moves data in threads that are not ours, Reverb's and TensorFlow's:
  they are many, wait much and compute little. Each that wakes on the learner's
  core stops an update, and takes its caches. On an idle core nothing changes.
  """
  # On Linux each thread has a niceness, which those that it starts inherit.
  thread = threading.get_native_id()
  niceness = os.getpriority(os.PRIO_PROCESS, thread)
  os.setpriority(os.PRIO_PROCESS, thread, max(niceness, _NICENESS))


def call_behind(function: Callable[[], T]) -> T:
  """Calls a function in a thread that gives way, as do those that it starts.

  Args:
    function: starts what moves data.

  Returns:
    What it returns.
  """
  with futures.ThreadPoolExecutor(1, initializer=give_way) as pool:
    return pool.submit(function).result()


def node_environment_of(role: str, temporary_dir: str) -> dict[str, str]:
  """The variables of a node that the present process launches.

  Args:
    role: as for `environment_of`.
    temporary_dir: where the node puts its temporary files.

  Returns:
    The variables, for `end_with_launcher` too.
  """
  return environment_of(role) | {
    _LAUNCHER: str(os.getpid()),
    'TMPDIR': temporary_dir,
  }


def hide_gpus_from_tensorflow() -> None:
  """Lets TensorFlow, which moves data only, take no memory of any GPU.

  To be called before TensorFlow is used. The build of it that the project names
  knows no GPU; one that someone else installed may, and takes all its memory.
  """
  import tensorflow as tf

  try:
    tf.config.set_visible_devices([], 'GPU')
  except RuntimeError:
    # It has been used already, as in a notebook. Its own variable is left:
    # TF_FORCE_GPU_ALLOW_GROWTH, which `environment_of` sets.
    return


def serve_this_machine_only(port: int) -> bool:
  """Lets a server of this process take connections from this machine alone.

  Reverb and Courier listen on every interface, and have no option for it. Their
  socket can be told to hear no device but the loopback, once it listens.

  Args:
    port: the server's.

  Returns:
    Whether the kernel did so: Linux does from 5.7 on, and before that for root.
  """
  done = False
  for listener in _listeners(port):
    with listener:
      try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'lo')
      except OSError:
        return False
      done = True
  return done


def _listeners(port: int) -> Iterator[socket.socket]:
  """Copies of this process's sockets that listen at a port."""
  for name in os.listdir('/proc/self/fd'):
    try:
      if not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
        continue
      candidate = socket.socket(fileno=os.dup(int(name)))
    except OSError:
      continue  # Closed meanwhile, or of a kind that Python does not know.
    is_internet = candidate.family in (socket.AF_INET, socket.AF_INET6)
    if (
      is_internet
      and candidate.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
      and candidate.getsockname()[1] == port
    ):
      yield candidate
    else:
      candidate.close()


def spare_loopback_proxies() -> None:
  """Keeps what goes between processes of this machine off any proxy.

  gRPC sends all of it by way of an HTTP proxy that the environment names. It
  looks at the environment at each new connection.
  """
  if not any(os.environ.get(name) for name in _PROXIES):
    return
  # Others read them too: what is there stays, and what is only in capital
  # letters must not be hidden by what is in small ones.
  os.environ.setdefault('no_proxy', os.environ.get('NO_PROXY', ''))
  # The latter is gRPC's own, and goes before the other.
  for name in ('no_proxy', 'no_grpc_proxy'):
    if name in os.environ:
      hosts = [x.strip() for x in os.environ[name].split(',') if x.strip()]
      hosts += [host for host in _LOOPBACK if host not in hosts]
      os.environ[name] = ','.join(hosts)


def end_with_launcher() -> None:
  """Lets the kernel end this node when its launcher is gone, even by SIGKILL.

  To be called first in each node. It does nothing in a process that was not
  launched as a node, as where the nodes are threads.
  """
  launcher = os.environ.get(_LAUNCHER)
  if launcher is None:
    return
  ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
  # A terminal that is closed hangs up on all of the program; the launcher tells
  # the nodes to stop.
  signal.signal(signal.SIGHUP, signal.SIG_IGN)
  if os.getppid() != int(launcher):
    # It was gone before the kernel was asked.
    os._exit(1)
