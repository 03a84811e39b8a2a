"""The documents on results, each table between its marks."""

from collections.abc import Mapping
import pathlib

from experiments.lib import figures
from experiments.lib import markdown
from experiments.lib import places
from experiments.lib.result_tables import ablations
from experiments.lib.result_tables import curves_figure
from experiments.lib.result_tables import interquartile
from experiments.lib.result_tables import looks
from experiments.lib.result_tables import medians
from experiments.lib.result_tables import modes
from experiments.lib.result_tables import published
from quinoa_acme.runs.sweeps import results

_BEGIN, _END = '<!-- {} made by make_results.py -->', '<!-- end of {} -->'
_README = places.ROOT / 'README.md'
_RESULTS = places.DOCS / 'results.md'
_ABLATIONS = places.DOCS / 'ablations.md'
_SOURCES = (_README, _RESULTS, _ABLATIONS)
# The output: the documents, and the picture of one.
FILES = (*_SOURCES, places.IMAGES / 'learning_curves.png')


def make_tables(
  curves: figures.Curves,
) -> dict[pathlib.Path, dict[str, str]]:
  """Makes all tables from the committed rows.

  Args:
    curves: what `looks.read_runs` returns.

  Returns:
    For each document its tables, by the names in their marks.
  """
  offline = results.read([places.RESULTS / 'offline.csv'], 'learner_steps')
  return {
    _README: {'readme': medians.make_readme_table(curves)},
    _RESULTS: {
      'bars': medians.make_table(curves),
      'iqm': interquartile.make_table(curves),
      'held-out': medians.make_held_out_table(curves),
      'figure1': medians.make_figure1_table(curves),
      'paper': medians.make_paper_table(curves),
      'published': published.make_table(),
      'offline': medians.make_offline_table(offline),
      'figure2': modes.make_table('figure2'),
      'figure2_default': modes.make_table('figure2_default'),
    },
    _ABLATIONS: {
      'ablations': ablations.make_table('ablations'),
      'direct': ablations.make_table('direct_ablations'),
    },
  }


def put(text: str, tables: Mapping[str, str]) -> str:
  """Puts tables into the text of a document, each between its marks.

  Args:
    text: text of the document.
    tables: tables by the names in their marks.

  Returns:
    The new text.

  Raises:
    ValueError: if the document lacks a mark.
  """
  for name, table in tables.items():
    begin, end = _BEGIN.format(name), _END.format(name)
    parts = markdown.split(text, begin, end)
    if parts is None:
      raise ValueError(f'The document lacks the marks {begin} and {end}.')
    before, after = parts
    text = f'{before}{begin}\n{table}\n{end}{after}'
  return text


def renew(*places_of_files: pathlib.Path) -> None:
  """Remakes the documents and the picture.

  Args:
    *places_of_files: paths to write, one for each of `FILES`.
  """
  *documents, picture = places_of_files
  curves = looks.read_runs()
  tables = make_tables(curves)
  for source, document in zip(_SOURCES, documents, strict=True):
    document.write_text(put(source.read_text(), tables[source]))
  curves_figure.draw(curves, picture)
