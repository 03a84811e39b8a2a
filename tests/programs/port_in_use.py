"""Launches a program one of whose ports is in use; a script, not a test.

Run with the workdir, and the number of the port: 0 is the counter's, 1 the
learner's, 2 the replay's.
"""

import pathlib
import runpy
import socket
import sys

# By path, before anything starts threads, so that the nodes are forks.
_PACKAGE = pathlib.Path(__file__).resolve().parents[2] / 'quinoa_acme'
runpy.run_path(str(_PACKAGE / 'utils' / 'resources.py'))['configure_process'](
  'learner'
)

import portpicker  # noqa: E402

from quinoa_acme import environments  # noqa: E402
from quinoa_acme.agents import quinoa  # noqa: E402
from quinoa_acme.runs import experiment  # noqa: E402
from quinoa_acme.runs import running  # noqa: E402

_NAME = 'control:cartpole:balance'

if __name__ == '__main__':
  workdir, number = sys.argv[1:]
  del sys.argv[1:]
  ports = []
  taken = socket.socket()
  pick = portpicker.pick_unused_port

  def pick_used():
    """As if another program had taken the port before the node."""
    ports.append(pick())
    if len(ports) == int(number) + 1:
      taken.bind(('', ports[-1]))
      taken.listen()
    return ports[-1]

  portpicker.pick_unused_port = pick_used
  config = experiment.ExperimentConfig(
    agent=quinoa.QuinoaConfig.debug(),
    environment_factory=environments.EnvironmentFactory(_NAME),
    env_name=_NAME,
    workdir=workdir,
    num_steps=5000,
    evaluation_episodes=1,
  )
  sys.exit(running.run(config, 'local_mp'))
