"""The documents on results say, and show, what the committed rows say."""

from absl import flags
import experiment_scripts
import pytest

from experiments.lib import places
from experiments.lib.result_tables import documents


def test_all_goes_where_output_says(tmp_path):
  with experiment_scripts.load('make_results') as script:
    flags.FLAGS(['make_results', f'--output={tmp_path}'])
    script.names['main'](['make_results'])
  found = {path for path in tmp_path.rglob('*') if path.is_file()}
  assert found == {
    tmp_path / path.relative_to(places.ROOT) for path in documents.FILES
  }
  # The same as is committed; else:
  # python experiments/make_results.py --output=.
  for path in documents.FILES:
    if path.suffix == '.md':
      made = tmp_path / path.relative_to(places.ROOT)
      assert made.read_text() == path.read_text()


def test_a_table_takes_the_place_of_what_is_between_its_marks():
  begin = '<!-- bars made by make_results.py -->'
  text = f'One\n{begin}\nold\n<!-- end of bars -->\nTwo\n'
  assert documents.put(text, {'bars': 'new'}) == text.replace('old', 'new')
  with pytest.raises(ValueError, match='lacks the marks <!-- iqm made by'):
    documents.put(text, {'iqm': 'new'})
