"""The program for Vertex AI: built and run here, up to the cloud itself."""

import pathlib
import re
import shutil
import signal
import sys
import time

import cloudpickle
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

_NAME = 'control:cartpole:balance'
_WORKDIR = '/gcs/bucket/run'


def _make_config(workdir: str = _WORKDIR, **fields):
  return experiment.ExperimentConfig(
    agent=quinoa.QuinoaConfig.debug(),
    environment_factory=environments.EnvironmentFactory(_NAME),
    env_name=_NAME,
    workdir=workdir,
    **{'num_steps': 700, 'evaluation_episodes': 1, **fields},
  )


def test_a_launch_gives_each_node_its_machine_and_image(cloud):
  from xmanager import xm
  from xmanager.cloud import build_image
  from xmanager.cloud import vertex

  vertex_ai.launch(_make_config(num_actors=3))
  # The learner, replay and counter, the evaluator and three actors.
  requirements = [job.executor.requirements for job in cloud.jobs.values()]
  assert [x.replicas for x in requirements] == [1, 2, 4]
  machines = [vertex.get_machine_spec(job) for job in cloud.jobs.values()]
  assert [machine['machine_type'] for machine in machines] == [
    'n1-standard-8',
    'n1-highmem-4',
    'n1-highmem-2',
  ]
  assert machines[0]['accelerator_type'].name == 'NVIDIA_TESLA_T4'
  assert machines[0]['accelerator_count'] == 1
  assert all('accelerator_type' not in machine for machine in machines[1:])
  for i, (container, number) in enumerate(
    zip(cloud.containers, [1, 2, 4], strict=True)
  ):
    folder = pathlib.Path(container.path)
    assert not list(folder.glob('**/__pycache__'))
    assert (
      folder / 'quinoa_acme' / 'runs' / 'distributed' / 'program.py'
    ).exists()
    gpu = 'jax[cuda12]==' in (folder / 'requirements.txt').read_text()
    assert gpu == (i == 0)
    nodes = cloudpickle.loads((folder / 'job.pkl').read_bytes())
    assert len(nodes) == number
    dockerfile = build_image._create_dockerfile(
      container, xm.SequentialArgs(), {}
    )
    text = pathlib.Path(dockerfile).read_text()
    assert 'FROM python:3.10' in text
    assert 'libpython' not in text
    assert ('ENV JAX_PLATFORMS="cpu"' in text) == (i != 0)
    assert 'ENV OMP_NUM_THREADS="1"' in text


def test_machines_are_as_asked_for(cloud):
  from xmanager.cloud import vertex

  machines = vertex_ai.Machines(
    learner=vertex_ai.Machine(cpus=12, gibibytes=80, gpu='a100'),
    workers=vertex_ai.Machine(cpus=4, gibibytes=15),
  )
  vertex_ai.launch(_make_config(), machines)
  found = [vertex.get_machine_spec(job) for job in cloud.jobs.values()]
  assert [machine['machine_type'] for machine in found] == [
    'a2-highgpu-1g',
    'n1-highmem-4',
    'n1-standard-4',
  ]


def _lose_credentials(monkeypatch):
  from google import auth
  from google.auth import exceptions

  def raise_error():
    raise exceptions.DefaultCredentialsError

  monkeypatch.setattr(auth, 'default', raise_error)


def _lose_project(monkeypatch):
  from google import auth

  monkeypatch.setattr(auth, 'default', lambda: (None, None))


def _lose_bucket(monkeypatch):
  monkeypatch.delenv('GOOGLE_CLOUD_BUCKET_NAME')


def _lose_xmanager(monkeypatch):
  monkeypatch.setitem(sys.modules, 'xmanager.xm_local', None)


def _lose_gcloud(monkeypatch):
  from xmanager.cloud import docker_lib

  monkeypatch.setattr(docker_lib, 'is_docker_installed', lambda: True)
  monkeypatch.setattr(shutil, 'which', lambda name: None)


@pytest.mark.parametrize(
  ('lose', 'message'),
  [
    (_lose_credentials, 'application-default login'),
    (_lose_project, 'gcloud config set project'),
    (_lose_bucket, r'\$GOOGLE_CLOUD_BUCKET_NAME is not set'),
    (_lose_xmanager, 'uv sync --extra vertex'),
    (_lose_gcloud, 'gcloud auth configure-docker'),
  ],
)
def test_what_is_lacking_is_said_before_anything_is_built(
  lose, message, cloud, monkeypatch, capsys
):
  lose(monkeypatch)
  assert running.run(_make_config(), 'vertex_ai') == 1
  assert re.search(message, capsys.readouterr().err)
  assert not cloud.jobs


@pytest.mark.slow
@pytest.mark.skipif(
  not image_nodes.why_not_two_hosts(),
  reason='two_hosts_test runs the images on two hosts',
)
def test_the_images_run_to_the_end_of_the_run(cloud, tmp_path, monkeypatch):
  """All but the machines: the images' folders, commands and variables."""
  workdir, outputs = tmp_path / 'run', tmp_path / 'outputs'
  outputs.mkdir()
  monkeypatch.setattr(readiness, 'check_ready', lambda workdir: None)
  vertex_ai.launch(_make_config(str(workdir)))
  # What the launcher wrote would not be seen by the nodes.
  assert not workdir.exists()
  processes = image_nodes.start(cloud, outputs, 3 * [image_nodes.HERE])
  try:
    deadline = time.monotonic() + waiting.LIMIT
    while not coordinator.read_status(str(workdir)).finished:
      assert time.monotonic() < deadline
      for name, process in processes.items():
        assert process.poll() is None, (outputs / name).read_text()
      time.sleep(0.5)
    # The counter, which has no cloud to ask for the end.
    assert processes['workerpool1-1'].wait(waiting.LIMIT) != 0
    assert 'DefaultCredentialsError' in (outputs / 'workerpool1-1').read_text()
    for process in processes.values():
      process.send_signal(signal.SIGTERM)
    statuses = {name: x.wait(waiting.LIMIT) for name, x in processes.items()}
    del statuses['workerpool1-1']
    assert set(statuses.values()) == {0}
  finally:
    for process in processes.values():
      process.kill()
      process.wait()
  status = coordinator.read_status(str(workdir))
  assert status.actor_steps >= 700
  assert status.evaluation_return is not None
  assert running.read_config(str(workdir)) == _make_config(str(workdir))
  for name in ('learner', 'evaluator', 'actor_0'):
    assert (workdir / 'logs' / f'{name}.csv').exists()
