"""What stands in several files of the project says the same in each."""

import datetime
import pathlib
import re
import shutil
import subprocess
import textwrap

import fresh
import pytest
import yaml

from quinoa_acme import _preflight

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_GITHUB = _ROOT / '.github'
_CITATION = yaml.safe_load((_ROOT / 'CITATION.cff').read_text())


def _read(path: pathlib.Path):
  return yaml.safe_load(path.read_text())


def test_the_citation_is_of_this_version_and_of_the_paper():
  project = (_ROOT / 'pyproject.toml').read_text()
  assert f'\nversion = "{_CITATION["version"]}"\n' in project
  assert f'\nlicense = "{_CITATION["license"]}"\n' in project
  paper = _CITATION['preferred-citation']
  bibtex = re.search(
    r'```bibtex\n(.*?)```', (_ROOT / 'README.md').read_text(), re.DOTALL
  )
  assert bibtex
  entry = ' '.join(bibtex.group(1).split())
  assert f'title = {{{paper["title"]}}}' in entry
  assert f'year = {{{paper["year"]}}}' in entry
  names = [f'{x["given-names"]} {x["family-names"]}' for x in paper['authors']]
  assert f'author = {{{" and ".join(names)}}}' in entry
  [identifier] = paper['identifiers']
  number = identifier['value'].removeprefix('arXiv:')
  assert paper['url'] == f'https://arxiv.org/abs/{number}'
  assert f'eprint = {{{number}}}' in entry


_HEADING = re.compile(r'## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)')


def test_the_changelog_has_a_section_for_each_version():
  text = (_ROOT / 'CHANGELOG.md').read_text()
  unreleased, *versions = re.findall(r'^## .*$', text, re.MULTILINE)
  assert unreleased == '## [Unreleased]'
  found = [_HEADING.fullmatch(line) for line in versions]
  assert all(found), versions
  numbers = [match[1] for match in found if match]
  # The newest is the project's.
  assert numbers[0] == str(_CITATION['version'])
  keys = [tuple(map(int, number.split('.'))) for number in numbers]
  assert keys == sorted(set(keys), reverse=True)
  dates = [datetime.date.fromisoformat(match[2]) for match in found if match]
  assert dates == sorted(dates, reverse=True)
  kinds = set(re.findall(r'^### (.*)$', text, re.MULTILINE))
  assert kinds <= {
    'Added',
    'Changed',
    'Deprecated',
    'Removed',
    'Fixed',
    'Security',
    'Known limits',
  }


def test_the_notes_of_a_release_are_its_section(tmp_path):
  steps = _read(_GITHUB / 'workflows' / 'release.yml')['jobs']['build']['steps']
  [script] = [x['run'] for x in steps if x.get('name') == 'Notes']
  for name in ('pyproject.toml', 'CHANGELOG.md'):
    shutil.copy(_ROOT / name, tmp_path)
  subprocess.run(['bash', '-ec', script], cwd=tmp_path, check=True)
  notes = (tmp_path / 'notes.md').read_text().strip()
  _, *sections = re.split(
    r'^## \[', (_ROOT / 'CHANGELOG.md').read_text(), flags=re.MULTILINE
  )
  [wanted] = [x for x in sections if x.startswith(str(_CITATION['version']))]
  assert notes == wanted.partition('\n')[2].strip()


def test_the_hooks_are_what_make_lint_runs():
  makefile = (_ROOT / 'Makefile').read_text()
  [lint] = re.findall(r'^lint: setup .*\n((?:\t.*\n)+)', makefile, re.MULTILINE)
  wanted = re.sub(r'\$\(VENV\)', '.venv/bin', lint).split('\n\t')
  [repository] = _read(_ROOT / '.pre-commit-config.yaml')['repos']
  found = [
    hook['entry'].removesuffix(' --force-exclude')
    for hook in repository['hooks']
  ]
  assert found == [line.strip() for line in wanted]


@pytest.mark.parametrize(
  'path', sorted(_GITHUB.glob('ISSUE_TEMPLATE/[!c]*.yml')), ids=lambda x: x.stem
)
def test_a_form_of_issues_is_one(path):
  form = _read(path)
  assert {'name', 'description', 'body'} <= set(form)
  names = [part['id'] for part in form['body']]
  assert len(names) == len(set(names)) > 0
  for part in form['body']:
    assert part['type'] == 'textarea'
    assert part['attributes']['label']


def test_workflows_have_the_python_of_the_project():
  project = (_ROOT / 'pyproject.toml').read_text()
  [wanted] = re.findall(r'requires-python = ">=([\d.]+),', project)
  for path in (_GITHUB / 'workflows').glob('*.yml'):
    found = re.findall(r'python-version: "(.*)"', path.read_text())
    assert set(found) <= {wanted}, path.name


def test_the_light_part_is_tried_on_all_that_the_project_names():
  project = (_ROOT / 'pyproject.toml').read_text()
  named = re.findall(r'"Programming Language :: Python :: ([\d.]+)"', project)
  [oldest, newest] = re.findall(
    r'requires-python = ">=3\.(\d+),<3\.(\d+)"', project
  )[0]
  wanted = [f'3.{minor}' for minor in range(int(oldest), int(newest))]
  light = _read(_GITHUB / 'workflows' / 'light.yml')['jobs']['test']
  release = _read(_GITHUB / 'workflows' / 'release.yml')['jobs']['test']
  released = [
    x['python']
    for x in release['strategy']['matrix']['include']
    if not x['extra']
  ]
  assert named == light['strategy']['matrix']['python'] == released == wanted
  bounds = _preflight.OLDEST, _preflight.NEWEST
  assert [wanted[0], wanted[-1]] == [f'{x}.{y}' for x, y in bounds]
  script = (_ROOT / 'scripts' / 'light.py').read_text()
  [jax] = re.findall(r"OLDEST_JAX = '(.*)'", script)
  assert f'"jax>={jax}"' in project


@pytest.mark.slow
def test_what_a_release_tries_works(tmp_path):
  steps = _read(_GITHUB / 'workflows' / 'release.yml')['jobs']['test']['steps']
  [script] = [x['run'] for x in steps if 'use.py' in x.get('run', '')]
  [program] = re.findall(r"<<'END'\n(.*?)\nEND\n", script, re.DOTALL)
  output = fresh.run_code(textwrap.dedent(program), tmp_path)
  assert 'Done after 400 steps' in output
