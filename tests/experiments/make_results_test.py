"""The document of results says, and shows, what the committed rows say."""

import json
import pathlib

from absl import flags
import experiment_scripts
import pictures
import pytest

from quinoa_acme.runs.sweeps import results
from quinoa_acme.runs.sweeps import sweeps

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_TABLES = _ROOT / 'experiments' / 'results'
_IMAGES = _ROOT / 'docs' / 'images'


@pytest.fixture
def script():
  with experiment_scripts.load('make_results') as loaded:
    yield loaded.names


@pytest.fixture(scope='module')
def figure1():
  # Each script has a flag of the same name; they go again.
  with experiment_scripts.load('figure1') as loaded:
    return loaded.names


def test_the_tables_of_the_document_are_those_of_the_committed_rows(script):
  document = (_ROOT / 'docs' / 'results.md').read_text()
  curves = script['read_runs']()
  offline = results.read([_TABLES / 'offline.csv'], 'learner_steps')
  for table in (
    script['make_table'](curves),
    script['make_iqm_table'](curves),
    script['make_held_out_table'](curves),
    script['make_figure1_table'](curves),
    script['make_paper_table'](curves),
    script['make_published_table'](),
    script['make_offline_table'](offline),
    script['make_modes_table']('figure2'),
    script['make_modes_table']('figure2_default'),
  ):
    # Else: python experiments/make_results.py --output=.
    assert table in document


def test_the_table_of_the_readme_is_that_of_the_committed_rows(script):
  table = script['make_readme_table'](script['read_runs']())
  assert table in (_ROOT / 'README.md').read_text()


def test_the_ablations_of_the_document_are_those_of_the_committed_rows(
  script,
):
  document = (_ROOT / 'docs' / 'ablations.md').read_text()
  for name in ('ablations', 'direct_ablations'):
    assert script['make_ablation_table'](name) in document


def test_a_variant_is_shown_with_its_difference_to_the_first(
  tmp_path, monkeypatch, script
):
  make_table = script['make_ablation_table']
  monkeypatch.setitem(make_table.__globals__, '_SWEEPS', tmp_path)
  monkeypatch.setitem(make_table.__globals__, '_TABLES', tmp_path)
  default = {
    'agent': 'quinoa',
    'preset': 'default',
    'env_names': ['control:walker:walk'],
    'seeds': [3, 4],
    'num_steps': 200,
    'eval_every': 100,
  }
  flags = {'discount': '0.9'}
  base = {'variant': 'far', 'flags': flags}
  other = {'variant': 'small', 'flags': {**flags, 'batch_size': '16'}}
  missing = {'variant': 'large', 'flags': {**flags, 'batch_size': '512'}}
  gone = {'variant': 'odd', 'flags': {**flags, 'twin': 'Twin()'}}
  sweep = {'runs': [{**default, **x} for x in (base, {}, other, missing)]}
  (tmp_path / 'ablations.json').write_text(json.dumps(sweep))
  deleted = {'table': 'ablations', 'runs': [{**default, **gone}]}
  (tmp_path / 'deleted_ablations.json').write_text(json.dumps(deleted))
  rows = [
    ('default/far', 3, 100, 10.0),
    ('default/far', 3, 200, 20.0),
    ('default/far', 4, 100, 30.0),
    ('default/far', 4, 200, 40.0),
    ('default', 3, 100, 8.0),
    ('default/small', 3, 100, 5.0),
    ('default/small', 3, 200, 26.0),
    ('default/small', 4, 100, 7.0),
    ('default/odd', 4, 200, 50.0),
  ]
  results.update_table(
    tmp_path / 'ablations.csv',
    [
      {
        **dict.fromkeys(results.COLUMNS, 0),
        'agent': 'quinoa',
        'preset': preset,
        'task': 'walker-walk',
        'seed': seed,
        'actor_steps': steps,
        'return': value,
      }
      for preset, seed, steps, value in rows
    ],
  )
  assert make_table('ablations').splitlines()[2:] == [
    '| far | `discount=0.9` | 20 / 30 |  |  |',
    '| default | `discount=0.99` | 8 / - |  |  |',
    '| small | `batch_size=16` | 6 / 26 | +6 (1 of 2 runs) | +6 |',
    '| odd (deleted) | `twin=Twin()` | - / 50 | +10 (1 of 2 runs) | +10 |',
    '',
    'Not run yet: large.',
  ]


def test_the_pictures_are_those_of_the_committed_rows(
  tmp_path, script, figure1
):
  found = tmp_path / 'a.png'
  script['draw'](script['read_runs'](), found)
  # Else: python experiments/make_results.py --output=.
  pictures.assert_alike(found, _IMAGES / 'learning_curves.png')
  figure1['draw'](found)
  # Else: python experiments/figure1.py --output=docs/images/figure1.png
  pictures.assert_alike(found, _IMAGES / 'figure1.png')


def test_figure_1_names_what_is_missing(figure1):
  sweep = sweeps.read(_ROOT / 'experiments' / 'sweeps' / 'figure1.json')
  runs, table = list(sweep.runs), _TABLES / 'bars.csv'
  text = figure1['describe_missing'](runs, len(runs), table)
  assert text.startswith('60 of 60 runs are missing')
  assert '  quinoa paper walker-walk: seeds 0, 1, 2, 3, 4\n' in text
  assert text.endswith(f'run_suite.py --suite=figure1 --output={table}')


def test_pictures_with_one_line_more_are_told_apart(tmp_path, script):
  draw, curves = script['draw'], script['read_runs']()
  draw(curves, tmp_path / 'a.png')
  del curves['sac', 'default/width-128', 'cheetah-run']
  draw(curves, tmp_path / 'b.png')
  with pytest.raises(AssertionError):
    pictures.assert_alike(tmp_path / 'a.png', tmp_path / 'b.png')


def test_all_goes_where_output_says(tmp_path, script):
  flags.FLAGS(['make_results', f'--output={tmp_path}'])
  script['main'](['make_results'])
  found = {path for path in tmp_path.rglob('*') if path.is_file()}
  pages = ('README.md', 'docs/results.md', 'docs/ablations.md')
  picture = 'docs/images/learning_curves.png'
  assert found == {tmp_path / name for name in (*pages, picture)}
  # The same as is committed.
  for name in pages:
    assert (tmp_path / name).read_text() == (_ROOT / name).read_text()
