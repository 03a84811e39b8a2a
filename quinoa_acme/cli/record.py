"""`quinoa record`: records the transitions of a trained policy."""

from absl import flags

from quinoa_acme.cli import command
from quinoa_acme.cli import evaluate
from quinoa_acme.runs import scripts
from quinoa_acme.runs.watching import terminal

# Those of `runs.offline`, which imports JAX.
_FORMATS = ('npz', 'minari')


def _define_flags(values: flags.FlagValues) -> None:
  evaluate.define_workdir(values)
  flags.DEFINE_string(
    'output',
    None,
    'The .npz file, or for minari the folder, a new one.',
    flag_values=values,
  )
  flags.DEFINE_enum(
    'format',
    'npz',
    _FORMATS,
    'npz, plain arrays; or minari, which other tools read.',
    flag_values=values,
  )
  flags.DEFINE_integer(
    'num_transitions',
    100_000,
    'Record at least this many.',
    lower_bound=1,
    flag_values=values,
  )
  evaluate.define_environment(values)


def _run(values: flags.FlagValues) -> None:
  try:
    scripts.check_output('output', values.output)
  except ValueError as error:
    raise command.CommandError(error) from error
  # Only now, because it takes a second.
  from quinoa_acme.runs import factories
  from quinoa_acme.utils import checkpointing

  try:
    factory = factories.of_run(values.workdir, values.environment)
    # And only now, because it takes seconds.
    from quinoa_acme.runs import offline
    from quinoa_acme.runs import running

    run = running.read_config(values.workdir, factory)
    row = offline.record(
      run,
      values.num_transitions,
      values.output,
      values.format,
    )
  except (OSError, ValueError, checkpointing.CheckpointError) as error:
    raise command.CommandError(error) from error
  terminal.say(
    f'{values.output}: {row["evaluation_episodes"]} episodes with a return of '
    f'{row["episode_return"]:.1f} ± {row["episode_return_std"]:.1f}'
    f'{_tell_repeat(run.action_repeat)}.'
  )


def _tell_repeat(action_repeat: int) -> str:
  if action_repeat == 1:
    return ''
  return f', each transition of {action_repeat} frames'


COMMAND = command.Command(
  name='record',
  summary='Record the transitions of a trained policy as a data set.',
  about="""
  Records the transitions of a trained policy as a data set.

  The policy is that of the run's last checkpoint, with sampled actions.
  experiments/run_offline.py learns from it. The format minari is that of
  Farama's data sets, and needs the extra `minari`.
  """,
  define_flags=_define_flags,
  run=_run,
  positional='workdir',
  required=('workdir', 'output'),
  examples=(
    'runs/walker --output=data.npz',
    'runs/walker --output=walker-v0 --format=minari',
  ),
  role='learner',
)
