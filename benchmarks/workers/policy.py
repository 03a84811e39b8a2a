"""A trained policy in cheetah-run: exported as ONNX, and by JAX.

  python -m benchmarks.workers.policy runs/saved exported

The arguments are a run's folder, and that of its exported policy. A message has
`exported`, which of the two acts, by its mode; and `calls`, the number of
actions, each for one observation. The answer is the microseconds of processor
that an action takes: on a quiet core, those of the clock.
"""

import os

from quinoa_acme.utils import resources

os.environ.update(resources.environment_of('evaluator'))

from collections.abc import Callable
import pathlib
import sys
import time

import numpy as np
import onnxruntime

from benchmarks import turns as turns_lib
from quinoa_acme import policies


def _open(folder: str) -> Callable[[np.ndarray], np.ndarray]:
  options = onnxruntime.SessionOptions()
  options.intra_op_num_threads = options.inter_op_num_threads = 1
  path = pathlib.Path(folder, 'mode.onnx')
  session = onnxruntime.InferenceSession(
    path, options, providers=['CPUExecutionProvider']
  )

  def act(observation: np.ndarray) -> np.ndarray:
    found = session.run(['action'], {'observation': observation[None]})
    return np.asarray(found[0])[0]

  return act


def main() -> None:
  """Answers messages until there are none."""
  resources.compute_in_calling_thread()
  turns = turns_lib.Turns()
  by_jax = policies.load_policy(sys.argv[1], mode='mode')
  exported = _open(sys.argv[2])
  [size] = by_jax.spec.observations.shape
  rng = np.random.default_rng(0)
  observations = rng.standard_normal((100, size), np.float32)
  for observation in observations:
    difference = exported(observation) - by_jax(observation)
    assert np.abs(difference).max() < 1e-3
  answer = None
  while True:
    message = turns.wait(answer)
    act = exported if message['exported'] else by_jax
    calls = message['calls']
    started = time.process_time()
    for i in range(calls):
      act(observations[i % len(observations)])
    answer = (time.process_time() - started) / calls * 1e6


if __name__ == '__main__':
  main()
