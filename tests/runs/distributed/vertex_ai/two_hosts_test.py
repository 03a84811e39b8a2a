"""The program on two hosts, by the folders and commands of its images."""

from collections.abc import Iterator
import csv
import pathlib
import signal
import time

import image_nodes
import pytest
import waiting

from quinoa_acme import environments
from quinoa_acme.agents import quinoa
from quinoa_acme.runs import experiment
from quinoa_acme.runs import running
from quinoa_acme.runs.distributed import coordinator
from quinoa_acme.runs.distributed import vertex_ai
from quinoa_acme.runs.distributed.vertex_ai import readiness

_NAME = 'control:cartpole:swingup'
_NUM_STEPS = 2500
_SECONDS_WITHOUT_LINK = 20.0


@pytest.fixture
def hosts() -> Iterator[list[image_nodes.Host]]:
  """Two hosts, joined by a cable."""
  if why_not := image_nodes.why_not_two_hosts():
    pytest.skip(f'needs network namespaces: {why_not}')
  with image_nodes.two_hosts() as found:
    yield found


def _rows(workdir: pathlib.Path, label: str) -> list[dict[str, str]]:
  with (workdir / 'logs' / f'{label}.csv').open() as file:
    return list(csv.DictReader(file))


@pytest.mark.slow
def test_a_run_on_two_hosts_outlives_a_cut_cable(
  hosts, cloud, tmp_path, monkeypatch
):
  workdir, outputs = tmp_path / 'run', tmp_path / 'outputs'
  outputs.mkdir()
  monkeypatch.setattr(readiness, 'check_ready', lambda workdir: None)
  config = experiment.ExperimentConfig(
    agent=quinoa.QuinoaConfig.debug(),
    environment_factory=environments.EnvironmentFactory(_NAME),
    env_name=_NAME,
    workdir=str(workdir),
    num_actors=2,
    num_steps=_NUM_STEPS,
    eval_every=2 * _NUM_STEPS,
    evaluation_episodes=1,
  )
  vertex_ai.launch(config)
  # What the launcher wrote would not be seen by the nodes.
  assert not workdir.exists()
  # The learner; replay and counter; the evaluator and the actors.
  first, second = hosts
  processes = image_nodes.start(cloud, outputs, [first, first, second])

  def steps() -> int:
    for name, process in processes.items():
      assert process.poll() is None, (outputs / name).read_text()
    return coordinator.read_status(str(workdir)).actor_steps

  try:
    waiting.wait_until(lambda: steps() > _NUM_STEPS // 6, 'the first steps')
    name = first.prefix[-1]
    image_nodes.ip('-n', name, 'link', 'set', 'cable', 'down')
    begun = time.monotonic()
    while time.monotonic() < begun + _SECONDS_WITHOUT_LINK:
      before = steps()
      time.sleep(0.5)
    image_nodes.ip('-n', name, 'link', 'set', 'cable', 'up')
    # The cut was one, and came before the end.
    assert before < _NUM_STEPS
    waiting.wait_until(
      lambda: steps() and coordinator.read_status(str(workdir)).finished,
      'the end of the run',
    )
    # The counter, which has no cloud to ask for the end.
    assert processes['workerpool1-1'].wait(waiting.LIMIT) != 0
    assert 'DefaultCredentialsError' in (outputs / 'workerpool1-1').read_text()
    for process in processes.values():
      process.send_signal(signal.SIGTERM)
    statuses = {name: x.wait(waiting.LIMIT) for name, x in processes.items()}
    del statuses['workerpool1-1']
    assert set(statuses.values()) == {0}, statuses
  finally:
    for process in processes.values():
      process.kill()
      process.wait()
  status = coordinator.read_status(str(workdir))
  assert status.actor_steps >= _NUM_STEPS
  assert status.evaluation_return is not None
  assert running.read_config(str(workdir)) == config
  assert _rows(workdir, 'learner')
  assert _rows(workdir, 'evaluator')
  # Every step of every actor was counted, and has its row.
  told = 0
  for label in ('actor_0', 'actor_1'):
    rows = _rows(workdir, label)
    told += sum(int(float(row['episode_length'])) for row in rows)
  # But for an episode each, of 1,000 steps, that the end of the run cut short.
  assert 0 <= status.actor_steps - told < 2000
