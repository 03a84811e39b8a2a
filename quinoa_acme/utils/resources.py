"""What each process of a run may use of the machine, and who may reach it.

Only the learner computes in bulk. The other processes get no GPU, so that
neither JAX nor TensorFlow takes its memory. No node starts a thread pool as
wide as the machine, because with half a dozen processes such pools only
compete. A run in one process has two threads if it may use two cores.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent import futures
import contextlib
import ctypes
import os
import pathlib
import signal
import threading
import types
from typing import Any, TypeVar

from quinoa_acme.utils import systems

T = TypeVar('T')

# Holds the launcher's process number, in nodes with their own processes.
_LAUNCHER = 'QUINOA_ACME_LAUNCHER'
# Few operations of an update have work for more threads.
_MAX_THREADS_OF_A_RUN = 2
# Holds the number of threads if this module chose it: child processes must not
# take a process's own choice for the user's.
_CHOSEN_THREADS = 'QUINOA_ACME_NPROC'
_LAST_WITH_TWO_RUNTIMES = (0, 6)
# Options with which XLA computes a whole program in the calling thread. By
# default it hands parts of it to its pool and back, even if that is a single
# thread: on two cores, data then move from one core's caches to the other's.
# The passes are left out because what they make of some programs ends the
# process.
# See docs/decisions/0027-one-thread-of-xla.md.
IN_CALLING_THREAD: Mapping[str, bool | str] = types.MappingProxyType(
  {
    'xla_cpu_use_thunk_runtime': False,
    'xla_disable_hlo_passes': 'onednn-contraction-rewriter,onednn-ops-rewriter',
  }
)
# How far threads that move data yield to threads that compute: on a busy core
# they get a tenth of it.
_NICENESS = 10
# Where gRPC looks for a proxy, and for hosts that are never behind one.
_PROXIES = ('grpc_proxy', 'https_proxy', 'http_proxy')
_LOOPBACK = ('localhost', '127.0.0.1', '::1')
# From Linux's <sys/prctl.h>.
_PR_SET_PDEATHSIG = 1


def compilation_cache() -> pathlib.Path:
  """The folder in which XLA keeps compiled programs between runs."""
  base = os.environ.get('XDG_CACHE_HOME') or pathlib.Path.home() / '.cache'
  return pathlib.Path(base) / 'quinoa_acme' / 'xla'


def environment_of(role: str) -> dict[str, str]:
  """The environment variables for a process, in addition to the launcher's.

  Args:
    role: 'learner', 'run' for all in one process, or any other node's name.

  Returns:
    Variables to set before the process imports JAX or TensorFlow. The user's
    settings stay: the number of XLA threads as NPROC, where JAX keeps compiled
    programs and from which compile time on, and how it uses a GPU's memory and
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
    # Everything computes in single precision, whatever else the machine wants.
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
  # For a GPU, if there is one. See docs/decisions/0027-one-thread-of-xla.md.
  choices = {
    # By default JAX would take three quarters of its memory at once.
    'XLA_PYTHON_CLIENT_PREALLOCATE': 'false',
    # By default JAX would round the factors of products to ten bits.
    'JAX_DEFAULT_MATMUL_PRECISION': 'highest',
  }
  return variables | _unless_set(choices)


def _unless_set(choices: Mapping[str, str]) -> dict[str, str]:
  """The given variables, with the user's values where set."""
  return {name: os.environ.get(name, value) for name, value in choices.items()}


def _threads_of(role: str) -> dict[str, str]:
  """The variables that size XLA's thread pool; its flags do not limit it."""
  wanted = os.environ.get('NPROC')
  if wanted is not None and wanted != os.environ.get(_CHOSEN_THREADS):
    return {'NPROC': wanted}
  cores = len(systems.usable_cores())
  number = min(cores, _MAX_THREADS_OF_A_RUN) if role == 'run' else 1
  return {'NPROC': str(number), _CHOSEN_THREADS: str(number)}


def configure_process(role: str) -> None:
  """Sets this process's variables; call it before JAX is imported.

  Args:
    role: as for `environment_of`.
  """
  os.environ.update(environment_of(role))


def take_threads_of_a_run() -> None:
  """Lets XLA compute in the threads of a run in one process.

  JAX reads their number when it first computes; later this has no effect.
  """
  os.environ.update(_threads_of('run'))


def compiler_options() -> dict[str, bool | str]:
  """XLA options for programs that take as long as an update.

  Returns:
    `IN_CALLING_THREAD` if JAX computes on the CPU in one thread; otherwise
    none.
  """
  import jax

  cores = len(systems.usable_cores())
  in_one = os.environ.get('NPROC', str(cores)) == '1'
  if in_one and jax.default_backend() == 'cpu':
    return in_calling_thread()
  return {}


def in_calling_thread() -> dict[str, bool | str]:
  """`IN_CALLING_THREAD`, or nothing for a JAX whose XLA refuses it.

  Later ones have only the runtime that these options switch off.
  """
  import jax

  if jax.__version_info__[:2] > _LAST_WITH_TWO_RUNTIMES:
    return {}
  return dict(IN_CALLING_THREAD)


def without_x64() -> contextlib.AbstractContextManager[None]:
  """A block in which JAX makes no 64-bit arrays, in the calling thread."""
  import jax
  from jax import experimental

  # A later JAX has it under another name: 0.12 does, 0.6 does not.
  enable: Any = getattr(jax, 'enable_x64', None)
  if enable is not None:
    return enable(False)
  return experimental.disable_x64()


@contextlib.contextmanager
def single_precision(everywhere: bool) -> Iterator[None]:
  """Lets JAX compute in 32 bits in the block.

  Networks and optimisers are in single precision. With JAX_ENABLE_X64, JAX
  would mix in 64-bit numbers and then refuse the mixture.

  Args:
    everywhere: whether in all threads and forked processes, or only in the
      calling thread, so that other threads may use double precision.
  """
  import jax

  if not everywhere:
    with without_x64():
      yield
    return
  # The setting of other threads; the calling one may be in its own block.
  with futures.ThreadPoolExecutor(1) as pool:
    before = pool.submit(jax.config.read, 'jax_enable_x64').result()
  jax.config.update('jax_enable_x64', False)
  try:
    with without_x64():
      yield
  finally:
    jax.config.update('jax_enable_x64', before)


def compute_in_calling_thread() -> None:
  """Lets JAX on the CPU start computing in the calling thread.

  By default it hands each call to another thread, which helps callers that do
  something else meanwhile. But an actor waits for its action, and a learner for
  its metrics: for them the other thread only costs two switches per call. If
  its pool has more than one thread, XLA still computes in all of them. Call
  this before JAX is used; nodes that are forked later inherit it.
  """
  import jax

  jax.config.update('jax_cpu_enable_async_dispatch', False)


def give_way() -> None:
  """Gives other threads priority over the calling one and its children.

  For code that moves data in threads of other packages, Reverb's and
  TensorFlow's: they are many, wait much and compute little. Each one that wakes
  on the learner's core interrupts an update and evicts its caches. On an idle
  core nothing changes.
  """
  # On Linux each thread has its own niceness, inherited by threads it starts.
  thread = threading.get_native_id()
  niceness = os.getpriority(os.PRIO_PROCESS, thread)
  os.setpriority(os.PRIO_PROCESS, thread, max(niceness, _NICENESS))


def call_behind(function: Callable[[], T]) -> T:
  """Calls a function in a thread that gives way, as do the threads it starts.

  Args:
    function: starts the code that moves data.

  Returns:
    The function's result.
  """
  with futures.ThreadPoolExecutor(1, initializer=give_way) as pool:
    return pool.submit(function).result()


def node_environment_of(role: str, temporary_dir: str) -> dict[str, str]:
  """The variables for a node that the current process launches.

  Args:
    role: as for `environment_of`.
    temporary_dir: the folder for the node's temporary files.

  Returns:
    The variables, including the one for `end_with_launcher`.
  """
  return environment_of(role) | {
    _LAUNCHER: str(os.getpid()),
    'TMPDIR': temporary_dir,
  }


def hide_gpus_from_tensorflow() -> None:
  """Keeps TensorFlow, which only moves data, from taking GPU memory.

  Call it before TensorFlow is used. The build that the project pins has no GPU
  support; another build may, and would take all the memory.
  """
  import tensorflow as tf

  try:
    tf.config.set_visible_devices([], 'GPU')
  except RuntimeError:
    # It is already in use, as in a notebook. Leave it to its own variable,
    # TF_FORCE_GPU_ALLOW_GROWTH, which `environment_of` sets.
    return


def spare_loopback_proxies() -> None:
  """Keeps traffic between processes of this machine off any proxy.

  gRPC sends it through an HTTP proxy if the environment names one. It reads the
  environment at each new connection.
  """
  if not any(os.environ.get(name) for name in _PROXIES):
    return
  # Other programs read these too: existing values stay, and a lower-case
  # variable must not hide one that exists only in capitals.
  os.environ.setdefault('no_proxy', os.environ.get('NO_PROXY', ''))
  # The latter is gRPC's own, and takes precedence.
  for name in ('no_proxy', 'no_grpc_proxy'):
    if name in os.environ:
      hosts = [x.strip() for x in os.environ[name].split(',') if x.strip()]
      hosts += [host for host in _LOOPBACK if host not in hosts]
      os.environ[name] = ','.join(hosts)


def end_with_launcher() -> None:
  """Makes the kernel end this node with its launcher, even after SIGKILL.

  Call it first in each node. It does nothing in a process that was not launched
  as a node, as when the nodes are threads.
  """
  launcher = os.environ.get(_LAUNCHER)
  if launcher is None:
    return
  ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
  # A closing terminal sends SIGHUP to the whole program; the launcher tells the
  # nodes to stop.
  signal.signal(signal.SIGHUP, signal.SIG_IGN)
  if os.getppid() != int(launcher):
    # The launcher was gone before the kernel was asked.
    os._exit(1)
