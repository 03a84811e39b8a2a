"""`quinoa export`: writes a policy as files that other programs read."""

from absl import flags

from quinoa_acme.cli import command
from quinoa_acme.cli import evaluate
from quinoa_acme.runs.watching import terminal

# Those of `export.exporting`, which imports JAX.
_FORMATS = ('onnx', 'stablehlo', 'npz')


def _define_flags(values: flags.FlagValues) -> None:
  evaluate.define_workdir(values)
  flags.DEFINE_string(
    'output', None, 'The folder to write, a new one.', flag_values=values
  )
  flags.DEFINE_enum(
    'format',
    'onnx',
    _FORMATS,
    'onnx; stablehlo, for jax.export; or npz, for NumPy alone.',
    flag_values=values,
  )
  evaluate.define_modules(values)


def _run(values: flags.FlagValues) -> None:
  # Only now, because it takes a second.
  from quinoa_acme.export import exporting
  from quinoa_acme.utils import checkpointing

  try:
    exported = exporting.export_policy(
      values.workdir,
      values.output,
      format=values.format,
      modules=values.modules,
    )
  except (OSError, ValueError, checkpointing.CheckpointError) as error:
    raise command.CommandError(error) from error
  for name, difference in exported.differences.items():
    terminal.say(f'{name}: within {difference:.1g} of JAX')
  terminal.say(f'Written: {exported.folder}')


COMMAND = command.Command(
  name='export',
  summary='Write a trained policy as ONNX, StableHLO or plain arrays.',
  about="""
  Writes a trained policy as ONNX, StableHLO or plain arrays.

  The policy is that of the run's last checkpoint. The folder gets three
  functions of a batch of any size: mode, the greedy action; sample, the action
  that noise leads to, which you give; log_prob, the log-density of an action.
  policy.json says what each takes. Those of onnx, which needs the extra
  `export`, and stablehlo are first compared with JAX on random observations.

  Quinoa with any of the package's flows and SVG(0) can be exported; Acme's SAC
  and D4PG can not.
  """,
  define_flags=_define_flags,
  run=_run,
  positional='workdir',
  required=('workdir', 'output'),
  examples=(
    'runs/mine --output=policy',
    'runs/mine --output=policy --format=npz',
  ),
  role='evaluator',
)
