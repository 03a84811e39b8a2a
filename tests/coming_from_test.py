"""The programs of the pages for users of other libraries run."""

import dataclasses
import inspect
import pathlib
import re

import fresh
import pytest

import quinoa_acme
from quinoa_acme.agents import quinoa
from quinoa_acme.runs import experiment

_DOCS = pathlib.Path(__file__).resolve().parents[1] / 'docs'

# The page, and what makes its program take seconds.
_PROGRAMS = {
  'coming-from-acme': {
    'QuinoaConfig(), spec': 'QuinoaConfig.debug(), spec',
    'run(num_episodes=2)': 'run(num_steps=100)',
  },
  'coming-from-stable-baselines3': {
    'QuinoaConfig(batch_size=64, samples_per_insert=64)': (
      'QuinoaConfig.debug()'
    ),
    'num_steps=20_000,': 'num_steps=400, evaluation_episodes=1,',
  },
}
# What is printed in the end shows that it came so far.
_LAST = {
  'coming-from-acme': 'print("updates", agent._learner.save().steps)',
  'coming-from-stable-baselines3': 'print("action", action.shape)',
}


@pytest.mark.slow
@pytest.mark.parametrize('page', _PROGRAMS)
def test_the_program_of_a_page_runs(page, tmp_path):
  [program] = re.findall(
    r'```python\n(.*?)```', (_DOCS / f'{page}.md').read_text(), re.DOTALL
  )
  for line, shorter in _PROGRAMS[page].items():
    assert program.count(line) == 1, line
    program = program.replace(line, shorter)
  output = fresh.run_code(f'{program}\n{_LAST[page]}', tmp_path)
  if page == 'coming-from-acme':
    assert int(re.findall(r'^updates (\d+)$', output, re.MULTILINE)[-1]) > 0
  else:
    assert output.splitlines()[-1] == 'action (1,)'


_CONFIGS = (
  experiment.ExperimentConfig,
  quinoa.QuinoaConfig,
  quinoa.CriticFit,
  quinoa.MultiplierTemperature,
)
_FUNCTIONS = (quinoa_acme.run, quinoa_acme.load_policy)


@pytest.mark.parametrize('page', _PROGRAMS)
def test_what_a_page_calls_by_name_is_there(page):
  known = {*quinoa_acme.__all__, *quinoa.__all__}
  for config in _CONFIGS:
    known |= {field.name for field in dataclasses.fields(config)}
  for function in _FUNCTIONS:
    known |= set(inspect.signature(function).parameters)
  text = (_DOCS / f'{page}.md').read_text()
  ours = re.findall(r'^\| .* \| (.*) \|$', text, re.MULTILINE)
  code = ' '.join(re.findall(r'`([^`]*)`', ' '.join(ours)))
  # Classes that are called, and options; not the flags of scripts.
  named = re.findall(r'\b([A-Z]\w+)\(|(?<![-\w])([a-z_]+)=', code)
  names = {first or second for first, second in named}
  assert len(names) > 3
  assert names <= known
