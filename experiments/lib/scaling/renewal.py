"""What measure_scaling.py does: the rows, and the page's tables of them."""

from absl import flags

from experiments.lib import csv_files
from experiments.lib import flag_values
from experiments.lib import places
from experiments.lib.scaling import measuring
from experiments.lib.scaling import page as page_lib
from quinoa_acme.runs import scripts

_TABLE = places.RESULTS / 'scaling.csv'
_PAGE = places.DOCS / 'scaling.md'


def run(values: flags.FlagValues) -> None:
  """Measures, writes the rows, and makes the page's tables of them.

  Args:
    values: the flags of `measure_scaling.py`.

  Raises:
    OSError: if something can not be written.
    RuntimeError: if a run does not start to learn, or ends.
    ValueError: if flags do not fit, or the page has no marks.
  """
  numbers = flag_values.read_numbers('actors', values.actors)
  before, after = page_lib.read(_PAGE)
  table, page = scripts.place_outputs(values.output, places.ROOT, _TABLE, _PAGE)
  if values.only_page:
    table = _TABLE
  else:
    times = measuring.Times(values.warm_up, values.seconds)
    measuring.measure_all(numbers, times, table)
  page.write_text(
    f'{before}{page_lib.make_tables(csv_files.read(table))}{after}'
  )
