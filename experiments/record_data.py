"""Records the transitions of a trained policy, for `run_offline.py`.

  python experiments/record_data.py --workdir=runs/walker --output=data.npz

The policy is that of the run's last checkpoint, and acts by sampling.
"""

import pathlib
import runpy

_PACKAGE = pathlib.Path(__file__).resolve().parents[1] / 'quinoa_acme'
runpy.run_path(str(_PACKAGE / '_preflight.py'))['run']()
runpy.run_path(str(_PACKAGE / 'resources.py'))['configure_process']('learner')

import sys  # noqa: E402

from absl import flags  # noqa: E402

from quinoa_acme.runs import checkpointing  # noqa: E402
from quinoa_acme.runs import command_line  # noqa: E402
from quinoa_acme.runs import offline  # noqa: E402
from quinoa_acme.runs import running  # noqa: E402
from quinoa_acme.runs import scripts  # noqa: E402

_WORKDIR = flags.DEFINE_string('workdir', None, 'The run.', required=True)
_OUTPUT = flags.DEFINE_string('output', None, 'The file.', required=True)
_ENVIRONMENT = flags.DEFINE_string(
  'environment',
  None,
  'What makes the environment from a seed, if it is your own: module:function, '
  'or path/to/file.py:function.',
)
_TRANSITIONS = flags.DEFINE_integer(
  'num_transitions', 100_000, 'At least so many.', lower_bound=1
)


def main(argv: list[str]) -> None:
  """Does what the flags say."""
  command_line.begin(argv)
  try:
    command_line.check_output('output', _OUTPUT.value)
    row = offline.record(
      running.read_config(_WORKDIR.value, _ENVIRONMENT.value),
      _TRANSITIONS.value,
      _OUTPUT.value,
    )
  except (OSError, ValueError, checkpointing.CheckpointError) as error:
    sys.exit(f'error: {error}')
  print(
    f'{_OUTPUT.value}: {row["evaluation_episodes"]} episodes with a return of '
    f'{row["episode_return"]:.1f} ± {row["episode_return_std"]:.1f}.'
  )


if __name__ == '__main__':
  scripts.run(main)
