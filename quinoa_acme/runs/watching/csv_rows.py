"""Reads the CSV files of a run, also while they grow.

It imports the standard library alone, for processes that only follow a run.
"""

from collections.abc import Callable
import csv
import io
import os
import pathlib


def parse(content: bytes) -> tuple[list[str], list[list[str]], int]:
  """Splits a CSV file into its header, its rows, and their bytes.

  Args:
    content: the file, whose last line may be incomplete.

  Returns:
    The header; the complete rows; the length of both in bytes.
  """
  length = _complete_length(content)
  text = content[:length].decode('utf-8')
  header, *rows = [*csv.reader(io.StringIO(text, newline=''))] or [[]]
  return header, rows, length


def to_numbers(columns: list[str], row: list[str]) -> dict[str, float]:
  """A row's numbers by column, without those of empty cells.

  Args:
    columns: the header.
    row: the cells; those of later columns may be missing.

  Returns:
    The numbers.

  Raises:
    ValueError: if a cell is not a number.
  """
  return {
    key: float(cell) for key, cell in zip(columns, row, strict=False) if cell
  }


class NewRows:
  """Reads the rows that were added to a growing file since the last call.

  A logger writes its file anew for a new column or to drop rows. Then the whole
  file is read again, and `is_new` says which of its rows count.
  """

  def __init__(
    self,
    path: str | os.PathLike[str],
    is_new: Callable[[dict[str, float]], bool],
  ):
    """Starts at the beginning of the file, which need not exist yet.

    Args:
      path: the file.
      is_new: says of a row of a file that is read from its beginning whether it
        was not read before.
    """
    self._path = pathlib.Path(path)
    self._is_new = is_new
    self._file: int | None = None
    self._columns: list[str] = []
    self._offset = 0

  def read(self) -> list[dict[str, float]]:
    """Reads the new rows.

    Returns:
      For each, its numbers by column.

    Raises:
      ValueError: if a cell is not a number.
    """
    if not self._path.exists():
      return []
    with self._path.open('rb') as file:
      state = os.fstat(file.fileno())
      # A file that takes another's place has a number of its own.
      is_same = self._columns and state.st_ino == self._file
      if is_same and state.st_size >= self._offset:
        file.seek(self._offset)
        first, more, length = parse(file.read())
        rows = [to_numbers(self._columns, x) for x in (first, *more) if x]
        self._offset += length
        return rows
      self._columns, rows, self._offset = parse(file.read())
      self._file = state.st_ino
      numbers = [to_numbers(self._columns, row) for row in rows]
      return [row for row in numbers if self._is_new(row)]


def _complete_length(content: bytes) -> int:
  """Returns the length up to the last newline that is not inside quotes."""
  length = content.rfind(b'\n') + 1
  # A quote inside a quoted cell is doubled, so an odd count is an open cell.
  while content.count(b'"', 0, length) % 2:
    length = content.rfind(b'\n', 0, length - 1) + 1
  return length
