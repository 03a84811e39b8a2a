"""The section of docs/soak.md on a run, and its picture."""

import json
import pathlib
import tempfile
from typing import NamedTuple

from experiments.lib import places
from experiments.lib import soak
from experiments.lib import soak_run
from quinoa_acme.runs import experiment
from quinoa_acme.runs import scripts
from quinoa_acme.runs.watching import loggers

# This script makes the part of the document that follows it.
_MARK = '<!-- Made by experiments/soak.py. -->\n'


class Files(NamedTuple):
  """The files of a run.

  Attributes:
    table: the rows of the run.
    conditions: the conditions of the run.
    picture: the figure of the rows.
    page: the document.
  """

  table: pathlib.Path
  conditions: pathlib.Path
  picture: pathlib.Path
  page: pathlib.Path


COMMITTED = Files(
  table=places.RESULTS / 'soak.csv',
  conditions=places.RESULTS / 'soak.json',
  picture=places.IMAGES / 'soak.png',
  page=places.DOCS / 'soak.md',
)


def place(folder: str) -> Files:
  """The same files below a folder, whose folders are made.

  Args:
    folder: the value of `--output`.

  Raises:
    ValueError: if nothing can be written there.
  """
  return Files(*scripts.place_outputs(folder, places.ROOT, *COMMITTED))


def with_committed_rows(files: Files) -> Files:
  """The files, but for those that are read: the committed ones."""
  return files._replace(table=COMMITTED.table, conditions=COMMITTED.conditions)


def measure(
  files: Files, minutes: float, warm_up: float, extra: list[str]
) -> None:
  """Runs the program, and writes its rows and their conditions.

  Args:
    files: for both.
    minutes: how long it runs.
    warm_up: minutes that are left out of the trends.
    extra: flags of the program.

  Raises:
    RuntimeError: if it ends by itself, or with an error.
  """
  # Before the rows are written, which changes the source tree.
  source = experiment.describe_source()
  with tempfile.TemporaryDirectory() as workdir:
    soak_run.run(minutes, workdir, extra)
    rows = soak.read(workdir)
  soak_run.write_rows(rows, files.table)
  soak_run.write_conditions(
    files.conditions,
    minutes=minutes,
    warm_up=warm_up,
    extra=extra,
    source=source,
  )


def make_section(files: Files = COMMITTED) -> str:
  """The page's section on a run, by default the committed one.

  Args:
    files: of the run; table and conditions are read.
  """
  conditions = json.loads(files.conditions.read_text())
  found = soak.trends(loggers.read_rows(files.table), conditions['warm_up'])
  versions = ', '.join(f'{k} {x}' for k, x in conditions['versions'].items())
  return (
    f'![memory and speed](images/soak.png)\n\n{soak.make_table(found)}\n'
    f'{conditions["minutes"]:g} minutes, of which {conditions["warm_up"]:g} '
    f'were left out; {conditions["machine"]}, with a mean load of '
    f'{conditions["load"]:.1f} at the end; {versions}; commit '
    f'{conditions["commit"]}. Rows and flags are in '
    '`experiments/results/soak.csv` and `soak.json`.\n'
  )


def renew(files: Files) -> str:
  """Draws the picture and writes the page anew.

  Args:
    files: table and conditions are read, picture and page written.

  Returns:
    The page's section on the run.
  """
  warm_up = json.loads(files.conditions.read_text())['warm_up']
  soak.draw(loggers.read_rows(files.table), warm_up, files.picture)
  head = COMMITTED.page.read_text().split(_MARK)[0]
  section = make_section(files)
  files.page.write_text(f'{head}{_MARK}\n{section}')
  return section
