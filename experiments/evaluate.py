"""Runs what was trained, says how well it does, and shows it.

  python experiments/evaluate.py --workdir=runs/mine --video=out.mp4

The policy is that of the run's last checkpoint. The mean return comes with a
95 % interval by Student's t. The video, of the first episode, needs the extra
`video`, and no display. A run in an environment of your own needs its factory:

  python experiments/evaluate.py --workdir=runs/mine --environment=tasks:make
"""

import contextlib
import itertools
import pathlib
import runpy

# By path: the interpreter and the versions must be right before the package is
# imported, and the threads and devices settled before JAX is.
_PACKAGE = pathlib.Path(__file__).resolve().parents[1] / 'quinoa_acme'
runpy.run_path(str(_PACKAGE / '_preflight.py'))['run']()
runpy.run_path(str(_PACKAGE / 'resources.py'))['configure_process']('evaluator')

import sys  # noqa: E402

from absl import flags  # noqa: E402

from quinoa_acme import policies  # noqa: E402
from quinoa_acme import user_modules  # noqa: E402
from quinoa_acme.agents import choices  # noqa: E402
from quinoa_acme.runs import checkpointing  # noqa: E402
from quinoa_acme.runs import command_line  # noqa: E402
from quinoa_acme.runs import evaluation_limits  # noqa: E402
from quinoa_acme.runs import factories  # noqa: E402
from quinoa_acme.runs import rendering  # noqa: E402
from quinoa_acme.runs import run_folder  # noqa: E402
from quinoa_acme.runs import scripts  # noqa: E402
from quinoa_acme.runs import trials  # noqa: E402
from quinoa_acme.runs import videos  # noqa: E402

_WORKDIR = flags.DEFINE_string('workdir', None, 'The run.', required=True)
_EPISODES = flags.DEFINE_integer('episodes', 10, 'How many.', lower_bound=1)
_MODE = flags.DEFINE_string(
  'mode',
  None,
  f'Which action: {", ".join(choices.BY_NAME)}, or as in Python, e.g. '
  'MostLikely(64); that of the training evaluations if not set.',
)
_ENVIRONMENT = flags.DEFINE_string(
  'environment',
  None,
  'What makes the environment from a seed, if it is your own: module:function, '
  'or path/to/file.py:function.',
)
_MODULES = flags.DEFINE_list(
  'modules',
  [],
  "Modules of your own that register the run's agent or flow, with commas "
  'between: module or path/to/file.py.',
)
_SEED = flags.DEFINE_integer(
  'seed', 0, 'Of the episodes and the samples.', lower_bound=0
)
_VIDEO = flags.DEFINE_string('video', None, 'An .mp4 file to write.')


def main(argv: list[str]) -> None:
  """Does what the flags say."""
  command_line.begin(argv)
  try:
    _evaluate()
  except (
    OSError,
    ValueError,
    checkpointing.CheckpointError,
    evaluation_limits.EndlessEpisodeError,
    rendering.RenderingError,
  ) as error:
    sys.exit(f'error: {error}')


def _evaluate() -> None:
  user_modules.load_all(_MODULES.value)
  mode = None if _MODE.value is None else choices.parse(_MODE.value)
  video = _VIDEO.value
  if video is not None:
    videos.check_writable(video)
    rendering.choose_backend()
  make_environment = factories.of_run(_WORKDIR.value, _ENVIRONMENT.value)
  described = run_folder.read_description(_WORKDIR.value)
  name = described['env_name']
  if video is not None:
    make_environment = videos.make_drawable(make_environment)
  environment = make_environment(_SEED.value)
  policy = policies.load_policy(
    _WORKDIR.value,
    mode=mode,
    seed=_SEED.value,
    spec=policies.spec_of(environment),
  )
  camera = None if video is None else videos.Camera(environment)

  def film(episode: int) -> None:
    if camera is not None and episode == 0:
      camera.take()

  print(f'{name} after {policy.learner_steps:,} learner steps', flush=True)
  limit = evaluation_limits.read(described)
  episodes = trials.run_episodes(policy, environment, film, limit)
  returns = []
  for rewards in itertools.islice(episodes, _EPISODES.value):
    returns.append(rewards.sum())
    print(f'episode {len(returns)}: {returns[-1]:.1f}', flush=True)
    if camera is not None and video is not None and len(returns) == 1:
      videos.write(video, camera.frames, camera.frames_per_second)
      print(f'Video: {video}', flush=True)
  print(f'Return: {trials.mean_return(returns)}')
  # What draws must go before the interpreter does. All is told by now.
  with contextlib.suppress(Exception):
    environment.close()


if __name__ == '__main__':
  scripts.run(main)
