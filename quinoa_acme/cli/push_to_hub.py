"""`quinoa push-to-hub`: shares a trained policy on the Hugging Face Hub."""

from absl import flags

from quinoa_acme.cli import command
from quinoa_acme.cli import evaluate
from quinoa_acme.runs.watching import terminal


def _define_flags(values: flags.FlagValues) -> None:
  evaluate.define_workdir(values)
  flags.DEFINE_string(
    'repo', None, 'owner/name, or name for your own.', flag_values=values
  )
  flags.DEFINE_bool(
    'private', False, 'Whether a new repository is.', flag_values=values
  )
  flags.DEFINE_string(
    'video',
    None,
    'An .mp4 file for the card, as `quinoa evaluate --video` writes it.',
    flag_values=values,
  )
  evaluate.define_modules(values)


def _run(values: flags.FlagValues) -> None:
  # Only now, because it takes a second.
  from quinoa_acme.export import sharing
  from quinoa_acme.utils import checkpointing

  try:
    address = sharing.push_to_hub(
      values.workdir,
      values.repo,
      private=values.private,
      video=values.video,
      modules=values.modules,
    )
  except (OSError, ValueError, checkpointing.CheckpointError) as error:
    raise command.CommandError(error) from error
  terminal.say(f"Shared: load_policy('{address}')")


COMMAND = command.Command(
  name='push-to-hub',
  summary='Share a trained policy on the Hugging Face Hub.',
  about="""
  Shares a trained policy on the Hugging Face Hub, with a model card.

  The policy is that of the run's last checkpoint. The repository gets it as
  plain arrays and JSON, and a card with task, preset, loss, return with its
  95 % interval, versions, and the command that trains it. The run's logs, its
  replay and its folder's name are not shared. load_policy('hf://owner/name')
  loads it, and runs nothing that the repository holds.

  It needs the extra `hub`, and a token that may write: `hf auth login`, or
  HF_TOKEN. HF_ENDPOINT names another server than huggingface.co.
  """,
  define_flags=_define_flags,
  run=_run,
  positional='workdir',
  required=('workdir', 'repo'),
  examples=(
    'runs/mine --repo=me/walker',
    'runs/mine --repo=walker --private --video=out.mp4',
  ),
  role='evaluator',
)
