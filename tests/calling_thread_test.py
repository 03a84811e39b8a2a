"""JAX computes where it is asked to."""

import subprocess
import sys

_SCRIPT = """
import threading, time
from quinoa_acme import resources
resources.compute_in_calling_thread()
import jax, jax.numpy as jnp

heavy = jax.jit(lambda x: jax.lax.fori_loop(0, 200, lambda i, x: x @ x, x))
matrix = jnp.eye(300)
heavy(matrix).block_until_ready()
looks = []
ended = threading.Event()

def look():
  while not ended.wait(0.001):
    looks.append(time.perf_counter())

thread = threading.Thread(target=look)
thread.start()
began, own = time.perf_counter(), time.thread_time()
used = time.process_time()
heavy(matrix)
took, own = time.perf_counter() - began, time.thread_time() - own
used = time.process_time() - used
ended.set()
thread.join()
inside = sum(began < x < began + took for x in looks)
assert own > 0.7 * used, (own, used)
# Python goes on in other threads meanwhile.
assert inside >= 2, (inside, took)
print('done')
"""


def test_computes_in_the_calling_thread():
  process = subprocess.run(
    [sys.executable, '-c', _SCRIPT],
    env={'XLA_FLAGS': '--xla_cpu_multi_thread_eigen=false', 'PATH': ''},
    capture_output=True,
    text=True,
    check=False,
    timeout=280,
  )
  assert process.returncode == 0, process.stderr
  assert process.stdout.endswith('done\n')
