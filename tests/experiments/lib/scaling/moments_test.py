"""What a run has done and used."""

import subprocess
import sys

import pytest
import waiting

from experiments.lib.scaling import moments


def _moment(seconds: float, steps: int, updates: int) -> moments.Moment:
  roles = ('actor', 'learner', 'counter', 'evaluator')
  return moments.Moment(
    time=seconds,
    actor_steps=steps,
    learner_steps=updates,
    processor={role: seconds / 2 for role in roles},
    updating=seconds / 4,
    memory=dict.fromkeys(roles, 100.0),
  )


def test_speeds_are_differences_by_time():
  before, after = _moment(10.0, 100, 50), _moment(14.0, 300, 90)
  row = moments.make_row(before, after, 256)
  assert row['steps_per_second'] == 50.0
  assert row['updates_per_second'] == 10.0
  assert row['samples_per_second'] == 2560.0
  assert row['actor_processors'] == 0.5
  assert row['learner_mebibytes'] == 100.0
  assert row['updating_processors'] == 0.25


@pytest.fixture
def node(tmp_path):
  """A process that prints to where a learner does, in a session of its own."""
  output = tmp_path / 'logs' / 'nodes' / 'learner' / '0'
  output.parent.mkdir(parents=True)
  program = 'print("ready", flush=True); input()'
  with (
    output.open('w') as file,
    subprocess.Popen(
      [sys.executable, '-c', program],
      stdin=subprocess.PIPE,
      stdout=file,
      start_new_session=True,
    ) as process,
  ):
    waiting.wait_until(output.read_text, 'its first line')
    yield process
    process.kill()


def test_a_node_is_found_by_where_it_prints(node, tmp_path):
  assert moments.find_nodes(node.pid) == {node.pid: 'learner'}
  # Before the first counts are written nothing is looked at.
  assert moments.look(tmp_path, node.pid) is None
  (tmp_path / 'status.json').write_text(
    '{"actor_steps": 7, "learner_steps": 3}'
  )
  moment = moments.look(tmp_path, node.pid)
  assert moment is not None
  assert (moment.actor_steps, moment.learner_steps) == (7, 3)
  assert moment.memory['learner'] > 1.0
  assert moment.memory['actor'] == 0.0
  # Its only thread gives way to no other of it.
  assert moment.updating == moment.processor['learner']
