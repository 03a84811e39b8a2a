"""The documentation stays short, and its records half a page each."""

import pathlib
import re

import pytest

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_DOCS = _ROOT / 'docs'
_RECORDS = sorted((_DOCS / 'decisions').glob('[0-9]*.md'))
# What is counted is what someone writes and another reads: not the tables that
# commands make, quotations of what is gone, code, and the rows of wrong values,
# each of which is a test.
_NOT_COUNTED = (
  re.compile(
    r'^<!-- [^\n]*made by [^\n]*-->$.*?(?:^<!-- end\b[^\n]*-->$|\Z)',
    re.DOTALL | re.MULTILINE | re.IGNORECASE,
  ),
  re.compile(r'<!-- quotations -->.*?<!-- end of quotations -->', re.DOTALL),
  re.compile(r'^```.*?^```$', re.DOTALL | re.MULTILINE),
  re.compile(r'^(?: {4}.*\n)+', re.MULTILINE),
  re.compile(
    r'^\| [^|]+ \|.*\| (?:`.*` \| `.*`|for example \| says) \|$', re.M
  ),
)


def _strip(text: str) -> str:
  for pattern in _NOT_COUNTED:
    text = pattern.sub('', text)
  return text


def _count(text: str) -> int:
  text = _strip(text)
  return sum(bool(re.search(r'\w', word)) for word in text.split())


def _pages() -> list[pathlib.Path]:
  api = _DOCS / 'api'
  return [page for page in _DOCS.rglob('*.md') if api not in page.parents]


def test_what_is_counted():
  text = (
    'One two.\n\n<!-- x made by y.py -->\n| a | b |\n<!-- end of x -->\n'
    'three — four\n\n```\npython five.py\n```\n\n    six = 6\n\n'
    '| `--seed` | whole | `--seed=a` | `expected int` |\n'
    '| `f` | a `Flow(...)` | `--f=1` | `not 1` |\n| seven | eight |\n'
  )
  assert _count(text) == 6
  # Where a table is the rest of a page, and where its command says so.
  assert _count('One.\n<!-- Made by x.py. -->\n\nTwo\nthree') == 1


def test_the_documentation_has_at_most_twelve_thousand_words():
  words = {
    str(page.relative_to(_DOCS)): _count(page.read_text()) for page in _pages()
  }
  assert sum(words.values()) <= 12_000, sorted(
    words.items(), key=lambda x: -x[1]
  )


@pytest.mark.parametrize('record', _RECORDS, ids=lambda record: record.stem)
def test_a_record_has_half_a_page(record):
  text = record.read_text()
  assert _count(text) <= 260
  for part in ('Status', 'Context', 'Decision', 'Consequence'):
    assert f'**{part}.**' in text


def _words_of_our_own() -> list[str]:
  """The left column of the table in CONTRIBUTING.md."""
  _, table = (
    (_ROOT / 'CONTRIBUTING.md').read_text().split("| ours | the field's")
  )
  rows = re.findall(r'^\| (.*?) \| ', table, re.MULTILINE)
  return [word for row in rows for word in row.split(', ')]


@pytest.mark.parametrize('word', _words_of_our_own())
def test_no_page_has_a_word_of_our_own_where_the_field_has_one(word):
  found = [
    str(page.relative_to(_ROOT))
    for page in (_ROOT / 'README.md', *_pages())
    if re.search(rf'\b{word}\b', _strip(page.read_text()), re.IGNORECASE)
  ]
  assert not found


def test_every_record_that_is_named_is_there():
  named = set()
  for folder in ('quinoa_acme', 'experiments', 'startup', 'tests', 'docs'):
    for path in (_ROOT / folder).rglob('*'):
      if path.suffix in ('.py', '.md'):
        named |= set(re.findall(r'(\d{4}-[a-z-]+\.md)', path.read_text()))
  assert len(named) > 10
  assert named <= {record.name for record in _RECORDS}


def test_a_page_shows_the_programs_that_it_includes():
  included = []
  for page in _pages():
    for line in re.findall(r'^.*8 ?<.*$', page.read_text(), re.MULTILINE):
      match = re.fullmatch(r'--8<-- "([\w./-]+)(?::\w+)?"', line)
      assert match, f'{page.name}: {line}'
      included.append(_ROOT / match[1])
  assert len(included) > 4
  assert all(path.exists() for path in included)


_FOLDERS = 'benchmarks|examples|experiments|quinoa_acme|scripts|tests'


def test_every_file_that_a_page_names_is_there():
  named = {
    (page.name, path)
    for page in (_ROOT / 'README.md', _ROOT / 'CONTRIBUTING.md', *_pages())
    for path in re.findall(
      rf'(?<![\w/])(?:{_FOLDERS})/[\w/-]+\.(?:py|csv|json|md)', page.read_text()
    )
  }
  assert len(named) > 50
  assert not [x for x in sorted(named) if not (_ROOT / x[1]).exists()]


def test_every_test_that_a_page_names_is_there():
  names = set(re.findall(r'`(\w+_test)`', (_DOCS / 'faults.md').read_text()))
  assert len(names) > 20
  assert names <= {path.stem for path in (_ROOT / 'tests').rglob('*_test.py')}


def test_every_record_is_in_the_list():
  listed = (_DOCS / 'decisions' / 'README.md').read_text()
  assert [x.name for x in _RECORDS if f']({x.name})' not in listed] == []
  # Commits name closed records too, and those are listed with what took their
  # place.
  last = int(_RECORDS[-1].name[:4])
  found = {int(x) for x in re.findall(r'\b(\d{1,2})\b', listed)}
  assert set(range(1, last + 1)) <= found
