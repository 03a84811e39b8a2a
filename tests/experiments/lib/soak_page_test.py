"""The page on soaks says what the committed rows say."""

from experiments.lib import soak_page


def test_the_section_is_in_the_page():
  files = soak_page.COMMITTED
  assert soak_page.make_section() in files.page.read_text()
  assert files.picture.exists()


def test_all_goes_below_a_folder_of_the_committed_rows(tmp_path):
  files = soak_page.with_committed_rows(soak_page.place(str(tmp_path)))
  section = soak_page.renew(files)
  found = {path for path in tmp_path.rglob('*') if path.is_file()}
  assert found == {files.picture, files.page}
  assert files.page.read_text() == soak_page.COMMITTED.page.read_text()
  assert files.page.read_text().endswith(section)
