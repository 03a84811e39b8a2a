"""Tests of what nodes tell the launcher."""

from quinoa_acme.runs.distributed import notices


def test_the_launcher_reads_what_is_told_from_now_on(tmp_path):
  workdir = str(tmp_path)
  notices.Reader(workdir)
  notices.tell(workdir, 'of an earlier program', is_read=True)
  reader = notices.Reader(workdir)
  assert reader.read() == []
  notices.tell(workdir, 'one', is_read=True)
  notices.tell(workdir, 'two', is_read=True)
  notices.tell(workdir, 'of this very process', is_read=False)
  assert reader.read() == ['one', 'two']
  assert reader.read() == []


def test_half_a_line_is_read_when_it_is_whole(tmp_path):
  reader = notices.Reader(str(tmp_path))
  with (tmp_path / 'logs' / 'notices.log').open('a') as file:
    file.write('a ')
    file.flush()
    assert reader.read() == []
    file.write('line\n')
    file.flush()
  assert reader.read() == ['a line']
