"""Rows that a script prints as they are measured, and may write as a table."""

from collections.abc import Iterable, Mapping
import json
import platform
from typing import Any

import jax

from experiments.lib import csv_files
from quinoa_acme.runs import experiment


def tell(
  rows: Iterable[Mapping[str, Any]], about: Mapping[str, Any], table: str | None
) -> None:
  """Prints each row as JSON when it comes, and writes all of them.

  Args:
    rows: at least one, all with the same columns.
    about: what the table has beside each, before the versions.
    table: the CSV file; none is written without.
  """
  # Before the first row is measured, for that takes long.
  about = {
    **about,
    'python': platform.python_version(),
    'jax': jax.__version__,
    **experiment.describe_source(),
  }
  made = []
  for row in rows:
    made.append({**row, **about})
    print(json.dumps(row), flush=True)
  if table:
    csv_files.write(table, list(made[0]), made)
