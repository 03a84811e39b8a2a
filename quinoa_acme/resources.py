"""What each process of a run may use of the machine.

Only the learner computes in bulk. The others get no GPU, so that neither JAX
nor TensorFlow takes its memory, and none starts a pool of threads as wide as
the machine: with half a dozen processes those pools only take turns.
"""

import ctypes
import os
import pathlib
import signal

_SINGLE_THREAD_XLA = '--xla_cpu_multi_thread_eigen=false'
# Holds the launcher's process number, in the nodes that have processes of
# their own.
_LAUNCHER = 'QUINOA_ACME_LAUNCHER'
# Of Linux's <sys/prctl.h>.
_PR_SET_PDEATHSIG = 1


def compilation_cache() -> pathlib.Path:
  """Where XLA's compiled programs are kept from one run to the next."""
  base = os.environ.get('XDG_CACHE_HOME') or pathlib.Path.home() / '.cache'
  return pathlib.Path(base) / 'quinoa_acme' / 'xla'


def environment_of(role: str) -> dict[str, str]:
  """The environment variables of a process, on top of the launcher's.

  Args:
    role: 'learner', or any other node's name.

  Returns:
    Variables to set before the process imports JAX or TensorFlow. What the
    user has set for XLA is kept, and comes last, so that it wins.
  """
  flags = f'{_SINGLE_THREAD_XLA} {os.environ.get("XLA_FLAGS", "")}'.strip()
  variables = {
    'XLA_FLAGS': flags,
    'OMP_NUM_THREADS': '1',
    'OPENBLAS_NUM_THREADS': '1',
    'TF_NUM_INTRAOP_THREADS': '1',
    'TF_NUM_INTEROP_THREADS': '1',
    'TF_CPP_MIN_LOG_LEVEL': '2',
    'JAX_COMPILATION_CACHE_DIR': str(compilation_cache()),
    'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS': '0.5',
  }
  if role != 'learner':
    variables |= {'JAX_PLATFORMS': 'cpu', 'CUDA_VISIBLE_DEVICES': ''}
  return variables


def configure_process(role: str) -> None:
  """Sets this process's variables; to be called before JAX is imported."""
  os.environ.update(environment_of(role))


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


def end_with_launcher() -> None:
  """Lets the kernel end this node when its launcher is gone, even by SIGKILL.

  To be called first in each node. It does nothing in a process that was not
  launched as a node, as where the nodes are threads.
  """
  launcher = os.environ.get(_LAUNCHER)
  if launcher is None:
    return
  ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
  if os.getppid() != int(launcher):
    # It was gone before the kernel was asked.
    os._exit(1)
