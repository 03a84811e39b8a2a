"""Trains with servers that never go down, nor save; no test.

Run with the workdir. What blocks does so in C, where Python handles no signal,
as a server does whose peers are in the middle of a call.
"""

import ctypes
import pathlib
import runpy
import sys

# By path, before anything starts threads, so that the nodes are forks.
_PACKAGE = pathlib.Path(__file__).resolve().parents[2] / 'quinoa_acme'
runpy.run_path(str(_PACKAGE / 'utils' / 'resources.py'))['configure_process'](
  'learner'
)

from launchpad.nodes.courier import courier_utils  # noqa: E402

from quinoa_acme import environments  # noqa: E402
from quinoa_acme.agents import quinoa  # noqa: E402
from quinoa_acme.runs import experiment  # noqa: E402
from quinoa_acme.runs import running  # noqa: E402
from quinoa_acme.runs.checkpoints import replay_checkpoints  # noqa: E402

_NAME = 'control:cartpole:balance'
_make_courier_server = courier_utils.make_courier_server


def block(*args, **kwargs):
  """Takes a lock of C that is held, for ever."""
  del args, kwargs
  mutex = ctypes.create_string_buffer(64)
  for _ in range(2):
    ctypes.CDLL(None).pthread_mutex_lock(mutex)


class BlockingServer:
  """A server of Courier's that cannot be stopped."""

  def __init__(self, server):
    self._server = server
    self.Start = server.Start
    self.Stop = self.Join = block


def make_courier_server(*args, **kwargs):
  return BlockingServer(_make_courier_server(*args, **kwargs))


if __name__ == '__main__':
  (workdir,) = sys.argv[1:]
  del sys.argv[1:]
  courier_utils.make_courier_server = make_courier_server
  replay_checkpoints.Saver.save = block
  config = experiment.ExperimentConfig(
    agent=quinoa.QuinoaConfig.debug(),
    environment_factory=environments.EnvironmentFactory(_NAME),
    env_name=_NAME,
    workdir=workdir,
    num_steps=1_000_000,
    eval_every=1000,
    evaluation_episodes=1,
  )
  sys.exit(running.run(config, 'local_mp'))
