"""Tables as CSV files, whose first line names the columns."""

from collections.abc import Iterable, Mapping, Sequence
import csv
import os
import pathlib
from typing import Any


def read(path: str | os.PathLike[str]) -> list[dict[str, str]]:
  """Reads the rows of a file.

  Args:
    path: of the file.

  Returns:
    The cells of each row by column.

  Raises:
    OSError: if it can not be read.
  """
  with pathlib.Path(path).open(newline='') as file:
    return list(csv.DictReader(file))


def write(
  path: str | os.PathLike[str],
  columns: Sequence[str],
  rows: Iterable[Mapping[str, Any]],
) -> None:
  """Writes a file, in the place of the one that is there.

  Args:
    path: of the file, whose folder exists.
    columns: their names, in order.
    rows: the cells of each row by column; no others.

  Raises:
    OSError: if it can not be written.
    ValueError: if a row has a cell of no column.
  """
  with pathlib.Path(path).open('w', newline='') as file:
    writer = csv.DictWriter(file, columns, lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)
