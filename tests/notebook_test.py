"""The notebook's outputs are committed, and it runs, small."""

import pathlib
import re

import nbclient
import nbformat
import numpy as np
import pytest

from quinoa_acme.runs.watching import loggers

_PATH = pathlib.Path(__file__).parents[1] / 'examples' / 'quinoa.ipynb'
# In the place of its parameters; small batches, and no wait for data.
_SMALL = """
import dataclasses

from quinoa_acme import QuinoaConfig

agent = dataclasses.replace(
  QuinoaConfig.direct(),
  batch_size=8,
  num_sgd_steps_per_step=1,
  min_replay_size=20,
  samples_per_insert=8.0,
  samples_per_insert_tolerance=1.0,
)
num_steps = 80
eval_every = 80
evaluation_episodes = 1
film_seconds = 0.2
workdir = 'runs/notebook'
"""


def _read() -> nbformat.NotebookNode:
  return nbformat.read(_PATH, as_version=4)


def _code(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
  return [cell for cell in notebook.cells if cell.cell_type == 'code']


def _formats(notebook: nbformat.NotebookNode) -> list[str]:
  """Of what its cells show, in order."""
  outputs = [output for cell in _code(notebook) for output in cell.outputs]
  assert not [x for x in outputs if x.output_type == 'error']
  return [
    next(kind for kind in (*output.data, None) if kind != 'text/plain')
    for output in outputs
    if output.output_type in ('display_data', 'execute_result')
  ]


# A curve, a density, a video.
_SHOWN = ['image/png', 'image/png', 'text/html']


def test_its_outputs_are_committed():
  assert _PATH.stat().st_size < 600_000
  notebook = _read()
  cells = _code(notebook)
  assert [x.execution_count for x in cells] == list(range(1, len(cells) + 1))
  assert _formats(notebook) == _SHOWN
  [video] = [x for x in cells[-1].outputs if x.output_type == 'execute_result']
  assert 'data:video/mp4;base64,' in video.data['text/html']
  # Nothing of the machine that made them, which shows in errors and paths.
  assert 'Error' not in _PATH.read_text()
  assert not re.search(r'/(home|root|tmp|Users)/', _PATH.read_text())


@pytest.mark.slow
def test_it_runs(tmp_path):
  notebook = _read()
  [parameters] = [
    cell
    for cell in notebook.cells
    if 'parameters' in cell.metadata.get('tags', ())
  ]
  names = {line.split(' = ')[0] for line in parameters.source.splitlines()}
  assert names <= {line.split(' = ')[0] for line in _SMALL.splitlines()}
  parameters.source = _SMALL
  client = nbclient.NotebookClient(
    notebook, timeout=600, resources={'metadata': {'path': str(tmp_path)}}
  )
  client.execute()
  assert _formats(notebook) == _SHOWN
  rows = loggers.read_rows(tmp_path / 'runs/notebook/logs/evaluator.csv')
  steps, returns = np.array(
    [(row['actor_steps'], row['episode_return']) for row in rows]
  ).T
  assert steps.tolist() == [0, 80]
  assert ((returns >= 0) & (returns <= 1000)).all()
  assert (tmp_path / 'runs/notebook/policy.mp4').stat().st_size > 1000
