"""What each process of a run may use of the machine.

Only the learner computes in bulk. The others get no GPU, so that neither JAX
nor TensorFlow takes its memory, and none starts a pool of threads as wide as
the machine: with half a dozen processes those pools only take turns.
"""

import os
import pathlib

_SINGLE_THREAD_XLA = '--xla_cpu_multi_thread_eigen=false'


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
