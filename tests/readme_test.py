"""The README's Python runs, and its commands are the Makefile's."""

import pathlib
import re

import fresh
import pytest

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_README = (_ROOT / 'README.md').read_text()


@pytest.mark.slow
def test_the_python_examples_run(tmp_path):
  train, act = re.findall(r'```python\n(.*?)```', _README, re.DOTALL)
  shorter = train.replace(
    'num_steps=20_000', 'num_steps=1_100, evaluation_episodes=1'
  )
  assert shorter != train
  assert 'Done after 1,100 steps' in fresh.run_code(shorter, tmp_path)
  # Each as a program of its own, in the folder of the run.
  observation = 'import numpy\nobservation = numpy.zeros(5)\n'
  said = fresh.run_code(f'{observation}{act}print(action)', tmp_path)
  assert re.fullmatch(r'\[-?[01]\.?\d*(e-\d+)?\]', said.strip())


def test_every_make_target_of_the_documents_exists():
  makefile = (_ROOT / 'Makefile').read_text()
  contributing = (_ROOT / 'CONTRIBUTING.md').read_text()
  targets = re.findall(r'^make ([a-z-]+)', _README + contributing, re.MULTILINE)
  assert {'run', 'test', 'test-fast', 'setup'} <= set(targets)
  for target in targets:
    assert re.search(rf'^{target}:', makefile, re.MULTILINE), target


def test_every_link_of_the_readme_leads_somewhere():
  links = re.findall(r'\]\(([^)]+)\)', _README)
  assert len(links) >= 5
  for link in links:
    assert link.startswith('https://') or (_ROOT / link).exists(), link
