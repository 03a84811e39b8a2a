"""`quinoa evaluate`: runs a trained policy, and reports its return."""

import contextlib
import itertools

from absl import flags

from quinoa_acme.cli import command
from quinoa_acme.runs.watching import terminal


def _define_flags(values: flags.FlagValues) -> None:
  define_workdir(values)
  flags.DEFINE_integer(
    'episodes', 10, 'How many.', lower_bound=1, flag_values=values
  )
  flags.DEFINE_string(
    'mode',
    None,
    'Which action: sample, mode, argmax, or as in Python, e.g. MostLikely(64); '
    'by default that of the training evaluations.',
    flag_values=values,
  )
  define_environment(values)
  define_modules(values)
  flags.DEFINE_integer(
    'seed',
    0,
    'For the episodes and the samples.',
    lower_bound=0,
    flag_values=values,
  )
  flags.DEFINE_string(
    'video', None, 'An .mp4 file to write.', flag_values=values
  )


def define_workdir(values: flags.FlagValues) -> None:
  """Defines the flag of a run's folder."""
  flags.DEFINE_string(
    'workdir',
    None,
    'The folder of the run, which it prints first.',
    flag_values=values,
  )


def define_environment(values: flags.FlagValues) -> None:
  """Defines the flag of your own environment."""
  flags.DEFINE_string(
    'environment',
    None,
    'Your own function that makes the environment from a seed: '
    'module:function, or path/to/file.py:function.',
    flag_values=values,
  )


def define_modules(values: flags.FlagValues) -> None:
  """Defines the flag of your own modules."""
  flags.DEFINE_list(
    'modules',
    [],
    "Your own modules that register the run's agent or flow, separated by "
    'commas: module or path/to/file.py.',
    flag_values=values,
  )


def _run(values: flags.FlagValues) -> None:
  from quinoa_acme.runs import evaluation_limits
  from quinoa_acme.runs.watching import rendering
  from quinoa_acme.utils import checkpointing

  try:
    _evaluate(values)
  except (
    OSError,
    ValueError,
    checkpointing.CheckpointError,
    evaluation_limits.EndlessEpisodeError,
    rendering.RenderingError,
  ) as error:
    raise command.CommandError(error) from error


def _evaluate(values: flags.FlagValues) -> None:
  from quinoa_acme import policies
  from quinoa_acme.agents.common import choices
  from quinoa_acme.environments import action_repeat
  from quinoa_acme.runs import evaluation_limits
  from quinoa_acme.runs import factories
  from quinoa_acme.runs import trials
  from quinoa_acme.runs.checkpoints import run_folder
  from quinoa_acme.runs.watching import rendering
  from quinoa_acme.runs.watching import videos
  from quinoa_acme.utils import user_modules

  user_modules.load_all(values.modules)
  mode = None if values.mode is None else choices.parse(values.mode)
  video = values.video
  if video is not None:
    videos.check_writable(video)
    rendering.choose_backend()
  make_environment = factories.of_run(values.workdir, values.environment)
  described = run_folder.read_description(values.workdir)
  name = described['env_name']
  if video is not None:
    make_environment = videos.make_drawable(make_environment)
  repeat = run_folder.read_action_repeat(values.workdir)
  environment = action_repeat.repeat_actions(
    make_environment(values.seed), repeat
  )
  policy = policies.load_policy(
    values.workdir,
    mode=mode,
    seed=values.seed,
    spec=policies.spec_of(environment),
  )
  camera = None if video is None else videos.Camera(environment)

  def film(episode: int) -> None:
    if camera is not None and episode == 0:
      camera.take()

  terminal.say(
    f'{name} after {policy.learner_steps:,} learner steps'
    + (f', each action repeated for {repeat} frames' if repeat > 1 else '')
  )
  limit = evaluation_limits.read(described)
  episodes = trials.run_episodes(policy, environment, film, limit)
  returns = []
  for rewards in itertools.islice(episodes, values.episodes):
    returns.append(rewards.sum())
    terminal.say(f'episode {len(returns)}: {returns[-1]:.1f}')
    if camera is not None and video is not None and len(returns) == 1:
      videos.write(video, camera.frames, camera.frames_per_second)
      terminal.say(f'Video: {video}')
  terminal.say(f'Return: {trials.mean_return(returns)}')
  # The renderer must shut down before the interpreter. All output is done.
  with contextlib.suppress(Exception):
    environment.close()


COMMAND = command.Command(
  name='evaluate',
  summary='Run a trained policy, report its return, and show it.',
  about="""
  Runs a trained policy, reports its return, and shows it.

  The policy is that of the run's last checkpoint. The mean return comes with a
  95 % interval by Student's t. The video, of the first episode, needs the extra
  `video`, but no display. A run in your own environment needs its factory,
  --environment.
  """,
  define_flags=_define_flags,
  run=_run,
  positional='workdir',
  required=('workdir',),
  examples=(
    'runs/mine --video=out.mp4',
    'runs/mine --environment=tasks:make --episodes=30',
  ),
  role='evaluator',
)
