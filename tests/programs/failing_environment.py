"""Trains in an environment that fails in some way; a script, not a test.

Run with the workdir, the way, and the launch type, or 'none' for one process.
"""

import functools
import pathlib
import runpy
import sys
import threading

# By path, before anything starts threads, so that the nodes are forks.
_PACKAGE = pathlib.Path(__file__).resolve().parents[2] / 'quinoa_acme'
runpy.run_path(str(_PACKAGE / 'utils' / 'resources.py'))['configure_process'](
  'learner'
)

import numpy as np  # noqa: E402

from quinoa_acme import environments  # noqa: E402
from quinoa_acme.agents import quinoa  # noqa: E402
from quinoa_acme.runs import experiment  # noqa: E402
from quinoa_acme.runs import running  # noqa: E402

_NAME = 'control:cartpole:balance'


class _Fails:
  """Passes everything on to an environment until it has made 150 steps."""

  def __init__(self, environment, way):
    self._environment = environment
    self._way = way
    self._steps = 0

  def __getattr__(self, name):
    return getattr(self._environment, name)

  def step(self, action):
    timestep = self._environment.step(action)
    self._steps += 1
    if self._steps <= 150:
      return timestep
    if self._way == 'raises':
      raise RuntimeError('the simulator is on fire')
    if self._way == 'hangs':
      threading.Event().wait()
    return timestep._replace(reward=np.float32(np.nan))


def make(way, seed):
  return _Fails(environments.make_environment(_NAME, seed), way)


if __name__ == '__main__':
  # Of what follows, Launchpad must read nothing.
  workdir, way, launch_type = sys.argv[1:4]
  config = experiment.ExperimentConfig(
    agent=quinoa.QuinoaConfig.debug(),
    environment_factory=functools.partial(make, way),
    env_name=_NAME,
    workdir=workdir,
    num_steps=5000,
    # The first comes at step 0, in an environment that fails too.
    evaluation_episodes=1,
    environment_timeout=10.0,
  )
  sys.exit(running.run(config, None if launch_type == 'none' else launch_type))
