"""Launches a program whose environment raises; a script, not a test.

Run with the workdir as its only argument. It has a second thread, as a
notebook has, so that its nodes are no forks.
"""

import sys
import threading

from quinoa_acme import resources

resources.configure_process('learner')

from quinoa_acme import environments  # noqa: E402
from quinoa_acme import experiment  # noqa: E402
from quinoa_acme import running  # noqa: E402
from quinoa_acme.agents import quinoa  # noqa: E402

_NAME = 'control:cartpole:balance'


class _Breaks:
  """Passes everything on to an environment until it has made 150 steps."""

  def __init__(self, environment):
    self._environment = environment
    self._steps = 0

  def __getattr__(self, name):
    return getattr(self._environment, name)

  def step(self, action):
    self._steps += 1
    if self._steps > 150:
      raise RuntimeError('the simulator is on fire')
    return self._environment.step(action)


def make_breaking(seed):
  return _Breaks(environments.make_environment(_NAME, seed))


if __name__ == '__main__':
  config = experiment.ExperimentConfig(
    agent=quinoa.QuinoaConfig.debug(),
    environment_factory=make_breaking,
    env_name=_NAME,
    workdir=sys.argv.pop(),
    num_steps=5000,
    evaluation_episodes=1,
  )
  threading.Thread(target=threading.Event().wait, daemon=True).start()
  sys.exit(running.run(config, 'local_mp'))
