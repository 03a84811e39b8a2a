"""The document of results says what the committed rows say."""

import pathlib
import runpy

from quinoa_acme import results

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_TABLES = _ROOT / 'experiments' / 'results'


def test_the_tables_of_the_document_are_those_of_the_committed_rows():
  script = runpy.run_path(str(_ROOT / 'experiments' / 'make_results.py'))
  document = (_ROOT / 'docs' / 'results.md').read_text()
  curves = results.read([_TABLES / 'bars.csv'])
  offline = results.read([_TABLES / 'offline.csv'], 'learner_steps')
  for table in (
    script['make_table'](curves),
    script['make_iqm_table'](curves),
    script['make_published_table'](),
    script['make_offline_table'](offline),
    script['make_modes_table']('figure2'),
    script['make_modes_table']('figure2_default'),
  ):
    # Else: python experiments/make_results.py
    assert table in document
