"""What the script on scaling makes."""

from absl import flags
import experiment_scripts

from experiments.lib import places


def test_the_page_alone_is_made_of_the_committed_rows(tmp_path):
  with experiment_scripts.load('measure_scaling') as script:
    flags.FLAGS(['measure_scaling', f'--output={tmp_path}', '--only_page'])
    script.names['main'](['measure_scaling'])
  page = tmp_path / 'docs' / 'scaling.md'
  assert page.read_text() == (places.DOCS / 'scaling.md').read_text()
  # Rows are measured, and are none of a page's.
  assert [x for x in tmp_path.rglob('*') if x.is_file()] == [page]
