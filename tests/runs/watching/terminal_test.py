"""Tests of what a run prints, to readers that are gone or lack characters."""

import os

from quinoa_acme.runs.watching import terminal


def test_a_line_is_there_at_once(capsys):
  terminal.say('12.0 ± 3.1')
  assert capsys.readouterr().out == '12.0 ± 3.1\n'


def test_what_an_encoding_lacks_is_written_without(tmp_path):
  path = tmp_path / 'said'
  with path.open('w', encoding='ascii') as stream:
    terminal.say('12.0 ± 3.1 in runs/é', stream)
  assert path.read_text(encoding='ascii') == '12.0 +- 3.1 in runs/\\xe9\n'


def test_a_pipe_without_a_reader_ends_nothing():
  reader, writer = os.pipe()
  with os.fdopen(writer, 'w') as stream:
    os.close(reader)
    for _ in range(2):
      terminal.say('nobody reads this', stream)
  # Closing it has not raised either: nothing was left in its buffer.
  terminal.say('nor this', stream)


def test_a_process_may_have_no_output():
  terminal.write('nowhere', None)
  assert not terminal.is_terminal(None)
