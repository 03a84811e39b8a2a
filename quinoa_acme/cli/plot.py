"""`quinoa plot`: draws a run."""

from absl import flags

from quinoa_acme.cli import command
from quinoa_acme.cli import evaluate
from quinoa_acme.runs.watching import terminal

_ALL = 'all'
_FIGURES = ('learning_curve', 'diagnostics')


def _define_flags(values: flags.FlagValues) -> None:
  evaluate.define_workdir(values)
  flags.DEFINE_enum(
    'figure', _ALL, [_ALL, *_FIGURES], 'Which.', flag_values=values
  )


def _run(values: flags.FlagValues) -> None:
  from quinoa_acme.runs.watching import diagnostics
  from quinoa_acme.runs.watching import plotting

  draw = {
    'learning_curve': plotting.plot_learning_curve,
    'diagnostics': diagnostics.plot_diagnostics,
  }
  try:
    for figure in _FIGURES if values.figure == _ALL else [values.figure]:
      terminal.say(str(draw[figure](values.workdir)))
  except (OSError, ValueError) as error:
    raise command.CommandError(error) from error


COMMAND = command.Command(
  name='plot',
  summary='Draw the learning curve of a run, and how it learns.',
  about="""
  Draws a run, which may still be running, into its folder.

  learning_curve: returns over environment steps. diagnostics: V against the
  discounted returns, KL, temperature, gradients. It prints the paths.
  """,
  define_flags=_define_flags,
  run=_run,
  positional='workdir',
  required=('workdir',),
  examples=('runs/mine', 'runs/mine --figure=diagnostics'),
)
