"""Steps a slow environment under a watch; a script, not a test.

Run with the watch's limit, and how many times a step sleeps 0.05 s. It prints
'inside' in the midst of the step.
"""

import sys
import time

import dm_env
from dm_env import specs
import numpy as np

from quinoa_acme.runs.watching import watchdog


class _Slow(dm_env.Environment):
  def __init__(self, num_sleeps):
    self._num_sleeps = num_sleeps

  def reset(self):
    return dm_env.restart(np.zeros(1))

  def step(self, action):
    del action
    print('inside', flush=True)
    for _ in range(self._num_sleeps):
      time.sleep(0.05)
    return dm_env.termination(0.0, np.zeros(1))

  def observation_spec(self):
    return specs.Array((1,), np.float64)

  def action_spec(self):
    return specs.BoundedArray((1,), np.float64, -1.0, 1.0)


if __name__ == '__main__':
  watch = watchdog.Watch('the test', float(sys.argv[1]))
  with watch.ending_the_process():
    environment = watch.over(lambda seed: _Slow(int(sys.argv[2])))(0)
    environment.reset()
    environment.step(np.zeros(1))
