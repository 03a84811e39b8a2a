"""Trains in an environment that tells what its process may use; no test.

Run with the workdir. Each node's process, and the launcher's, leaves a file by
the name of the file that it prints to.
"""

import json
import os
import pathlib
import runpy
import sys

# By path, before anything starts threads, so that the nodes are forks.
_PACKAGE = pathlib.Path(__file__).resolve().parents[2] / 'quinoa_acme'
runpy.run_path(str(_PACKAGE / 'utils' / 'resources.py'))['configure_process'](
  'learner'
)

import jax  # noqa: E402

from quinoa_acme import environments  # noqa: E402
from quinoa_acme.agents import quinoa  # noqa: E402
from quinoa_acme.runs import experiment  # noqa: E402
from quinoa_acme.runs import running  # noqa: E402

_NAME = 'control:cartpole:balance'


def make(seed):
  output = pathlib.Path(os.readlink('/proc/self/fd/1'))
  if output.parent.parent.name == 'nodes':
    told = {
      'variables': dict(os.environ),
      'platforms': jax.config.jax_platforms,
      'devices': [device.platform for device in jax.devices()],
    }
    folder = output.parents[3] / 'told'
    folder.mkdir(exist_ok=True)
    (folder / f'{output.parent.name}.json').write_text(json.dumps(told))
  return environments.make_environment(_NAME, seed)


if __name__ == '__main__':
  (workdir,) = sys.argv[1:]
  del sys.argv[1:]
  config = experiment.ExperimentConfig(
    agent=quinoa.QuinoaConfig.debug(),
    environment_factory=make,
    env_name=_NAME,
    workdir=workdir,
    num_steps=1_000_000,
    evaluation_episodes=1,
  )
  sys.exit(running.run(config, 'local_mp'))
