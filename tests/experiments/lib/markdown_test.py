"""Tables in Markdown, and their place in a page."""

import pytest

from experiments.lib import markdown


def test_a_table_has_a_cell_for_each_column():
  assert [*markdown.head('task', 'steps'), markdown.line('walk', '1,000')] == [
    '| task | steps |',
    '|---|---|',
    '| walk | 1,000 |',
  ]


def test_a_page_is_split_at_its_marks():
  assert markdown.split('one <a> two <b> three', '<a>', '<b>') == (
    'one ',
    ' three',
  )


@pytest.mark.parametrize('text', ['', '<a>', '<b>', '<b> <a>'])
def test_a_page_without_both_marks_is_not(text):
  assert markdown.split(text, '<a>', '<b>') is None
