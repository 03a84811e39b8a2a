"""Trains Quinoa on a continuous-control task.

  python experiments/run_quinoa.py --lp_launch_type=local_mp

runs replay, counter, learner, evaluator and actors in processes of their own,
`--lp_launch_type=local_mt` in threads, and `--run_distributed=false` all in one
thread, deterministically. Every field of the agent's configuration is a flag,
written as in Python: `--temperature='FixedTemperature(0.1)'`.
"""

import pathlib
import runpy

# By path, because importing quinoa_acme already imports JAX: the interpreter
# and the versions must be right, and the threads and devices settled, first.
_PACKAGE = pathlib.Path(__file__).resolve().parents[1] / 'quinoa_acme'
runpy.run_path(str(_PACKAGE / '_preflight.py'))['run']()
runpy.run_path(str(_PACKAGE / 'resources.py'))['configure_process']('learner')

import dataclasses  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402

from absl import app  # noqa: E402
from absl import flags  # noqa: E402
from absl import logging  # noqa: E402

from quinoa_acme import running  # noqa: E402
from quinoa_acme.agents import quinoa  # noqa: E402

_RUN_FLAGS = ('num_steps', 'num_actors', 'eval_every', 'evaluation_episodes')

flags.DEFINE_string('env_name', 'control:cheetah:run', 'Which task to train.')
flags.DEFINE_integer('num_steps', 100_000, 'Environment steps to train for.')
flags.DEFINE_integer('seed', 0, 'Seed of everything random.', lower_bound=0)
flags.DEFINE_integer('num_actors', 1, 'Actors of a distributed run.')
flags.DEFINE_integer('eval_every', 10_000, 'Environment steps an evaluation.')
flags.DEFINE_integer('evaluation_episodes', 10, 'Episodes an evaluation.')
flags.DEFINE_bool('run_distributed', True, 'Nodes by Launchpad, or one thread.')
flags.DEFINE_string('workdir', None, 'Folder of the run; a new one if not set.')
flags.DEFINE_enum(
  'preset', 'default', list(running.PRESETS), "The agent's configuration."
)
_AGENT_FLAGS = [field.name for field in dataclasses.fields(quinoa.QuinoaConfig)]
for name in _AGENT_FLAGS:
  flags.DEFINE_string(name, None, f'Replaces QuinoaConfig.{name}.')

FLAGS = flags.FLAGS


def main(argv: list[str]) -> None:
  """Runs what the flags say."""
  if len(argv) > 1:
    raise app.UsageError(f'Unknown arguments {argv[1:]}; flags begin with --.')
  if not FLAGS['verbosity'].present:
    # The terminal is the progress line's.
    logging.set_verbosity(logging.WARNING)
  overrides = {
    name: text
    for name in _AGENT_FLAGS
    if (text := FLAGS[name].value) is not None
  }
  try:
    config = running.make_config(
      env_name=FLAGS.env_name,
      preset=FLAGS.preset,
      overrides=overrides,
      workdir=FLAGS.workdir,
      seed=FLAGS.seed,
      **{name: FLAGS[name].value for name in _RUN_FLAGS},
    )
  except ValueError as error:
    sys.exit(f'error: {error}')
  launch_type = FLAGS.lp_launch_type if FLAGS.run_distributed else None
  status = running.run(config, launch_type)
  # Threads of TensorFlow's and Reverb's may hold up, or crash, an interpreter
  # that goes down by itself. All files are closed by now.
  sys.stdout.flush()
  sys.stderr.flush()
  os._exit(status)


if __name__ == '__main__':
  app.run(main)
