"""What diagnose_flow.py does: rows of a run into the table, and the page."""

import pathlib

from absl import flags

from experiments.lib import diagnosis_table
from experiments.lib import flow_diagnosis
from quinoa_acme.runs import running
from quinoa_acme.runs import scripts
from quinoa_acme.utils import checkpointing

FLOWS = list(flow_diagnosis.FLOWS)
# What a user is told without a traceback.
ERRORS = (
  OSError,
  ValueError,
  FloatingPointError,
  checkpointing.CheckpointError,
)


def run(values: flags.FlagValues) -> None:
  """Judges flows by a run, renews a page, or both.

  Args:
    values: the flags of `diagnose_flow.py`.

  Raises:
    OSError: if there is no such run, or nothing can be written.
    ValueError: if flags do not fit, or the run is of another kind.
    FloatingPointError: if what is fitted does not stay finite.
    checkpointing.CheckpointError: if the run's checkpoint can not be read.
  """
  output = pathlib.Path(values.output)
  page = values.page and pathlib.Path(values.page)
  flow_diagnosis.check_candidates(values.candidates)
  scripts.check_output('output', output)
  if output.exists():
    diagnosis_table.read(output)
  if page:
    diagnosis_table.split(page)
  elif not values.workdir:
    raise ValueError('give the --workdir of a run, or the --page to renew.')
  if values.workdir:
    _add_rows(values, output)
  if page:
    diagnosis_table.renew(page, output)


def _add_rows(values: flags.FlagValues, table: pathlib.Path) -> None:
  """Puts what is found of a run into the table, and prints its summary."""
  sizes = flow_diagnosis.Sizes(
    seed=values.seed,
    num_critics=values.num_critics,
    num_updates=values.num_updates,
    num_states=values.num_states,
    num_episodes=values.episodes,
  )
  rows = []
  for row in flow_diagnosis.diagnose(
    running.read_config(values.workdir), values.candidates, sizes
  ):
    rows.append(row)
    seconds = row['cpu_seconds']
    print(f'{row["candidate"]}: {seconds:.0f} CPU seconds', flush=True)
  diagnosis_table.write(table, rows)
  cells = [{k: diagnosis_table.cell(x) for k, x in row.items()} for row in rows]
  print(diagnosis_table.make_table(cells))
