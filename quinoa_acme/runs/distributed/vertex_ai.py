"""Launches a run's program on Google Cloud: Launchpad's Vertex AI launch.

The program is the one of `program.py`. Here is what it needs beyond this
machine: a machine for each kind of node, an image with the code and the very
versions that are installed here, and the checks that all of it can work.
docs/beyond-one-machine.md says what to set.

This module imports xmanager, of the extra `vertex`, only when it launches.
"""

from collections.abc import Iterator, Mapping, Sequence
import contextlib
import dataclasses
import functools
from importlib import metadata
import os
import pathlib
import shutil
import tempfile
from typing import Any

from acme import specs
import launchpad as lp
from packaging import requirements as requirements_lib

from quinoa_acme.runs import experiment as experiment_lib
from quinoa_acme.runs.checkpoints import run_folder
from quinoa_acme.runs.distributed import program as program_lib
from quinoa_acme.utils import resources
from quinoa_acme.utils import validation

LAUNCH_TYPE = 'vertex_ai'
_BUCKET = 'GOOGLE_CLOUD_BUCKET_NAME'
# Where Vertex AI mounts the project's buckets in every container.
_MOUNT = pathlib.PurePosixPath('/gcs')
_GPUS = ('p4', 't4', 'p100', 'v100', 'a100')
_DISTRIBUTION = 'quinoa-acme'
_SEE = f'See docs/beyond-one-machine.md of {_DISTRIBUTION}.'
# Which machine each group of the program gets. Vertex AI takes four kinds at
# most. The first must be of one machine: Launchpad finds that to be the
# learner's.
_KINDS = {
  'learner': 'learner',
  'replay': 'servers',
  'counter': 'servers',
  'evaluator': 'workers',
  'actor': 'workers',
}


class VertexAIError(ValueError):
  """A program can not be launched on Vertex AI; says why, and what to do."""


@dataclasses.dataclass(frozen=True)
class Machine:
  """What a node's machine has at least. Vertex AI takes the nearest it has.

  Attributes:
    cpus: virtual processors.
    gibibytes: of memory.
    gpu: one of 'p4', 't4', 'p100', 'v100', 'a100', or '' for none.
  """

  cpus: int
  gibibytes: int
  gpu: str = ''

  def __post_init__(self):
    validation.check_whole(self, 'cpus', 'gibibytes')
    if self.gpu and self.gpu not in _GPUS:
      raise ValueError(
        f'gpu must be one of {", ".join(_GPUS)}, or empty, but is {self.gpu!r}.'
      )


@dataclasses.dataclass(frozen=True)
class Machines:
  """The machines of a program's nodes.

  Attributes:
    learner: the learner's; only this one may have a GPU.
    servers: those of replay and counter, each; replay is in memory.
    workers: those of the evaluator and each actor, which have one thread.
  """

  learner: Machine = Machine(cpus=8, gibibytes=30, gpu='t4')
  servers: Machine = Machine(cpus=4, gibibytes=26)
  workers: Machine = Machine(cpus=2, gibibytes=13)

  def __post_init__(self):
    for name in ('servers', 'workers'):
      if getattr(self, name).gpu:
        raise ValueError(
          f'{name} must have no gpu: only the learner computes in bulk.'
        )


def default_workdir(name: str) -> str:
  """A folder of the bucket that the environment names.

  Args:
    name: the folder's path in the bucket.

  Returns:
    Its path as the nodes see it.

  Raises:
    VertexAIError: if the environment names no bucket.
  """
  return str(_MOUNT / _read_bucket() / name)


def check_ready(workdir: str) -> None:
  """Looks whether a program can be launched, before anything is built.

  Args:
    workdir: the run's folder, as the nodes see it.

  Raises:
    VertexAIError: if something is not installed or not set; says what.
  """
  parts = pathlib.PurePosixPath(workdir).parts
  if parts[:2] != ('/', _MOUNT.name) or len(parts) < 4:
    raise VertexAIError(
      f'On Vertex AI the workdir must be on storage that all nodes share, but '
      f'is {workdir!r}. Give --workdir={_MOUNT}/<bucket>/<folder>. {_SEE}'
    )
  _import_xmanager()
  _read_bucket()
  _check_account()
  _check_builder()


def _import_xmanager() -> None:
  try:
    import xmanager.xm_local  # noqa: F401
  except ModuleNotFoundError as error:
    raise VertexAIError(
      f'Vertex AI needs {error.name}, which is not installed. Install the '
      "extra `vertex`: pip install 'quinoa-acme[vertex]', or in the source "
      'tree `uv sync --extra vertex`.'
    ) from None


def _read_bucket() -> str:
  bucket = os.environ.get(_BUCKET, '')
  if not bucket:
    raise VertexAIError(
      f'${_BUCKET} is not set: the bucket for images and runs. Make one with '
      '`gcloud storage buckets create gs://<name> --location=us-central1` and '
      f'`export {_BUCKET}=<name>`. {_SEE}'
    )
  return bucket


def _check_account() -> None:
  from google import auth
  from google.auth import exceptions

  gcloud = shutil.which('gcloud')
  login = (
    'Run `gcloud auth application-default login`'
    if gcloud
    else 'Install gcloud (https://cloud.google.com/sdk) and run `gcloud auth '
    'application-default login`'
  )
  try:
    _, project = auth.default()
  except exceptions.DefaultCredentialsError:
    raise VertexAIError(
      f'There are no credentials for Google Cloud. {login}, or name a key file '
      f'in $GOOGLE_APPLICATION_CREDENTIALS. {_SEE}'
    ) from None
  if not project:
    raise VertexAIError(
      'The credentials name no project of Google Cloud. Run `gcloud config set '
      f'project <id>`, or `export GOOGLE_CLOUD_PROJECT=<id>`. {_SEE}'
    )


def _check_builder() -> None:
  """Docker makes the images and gcloud lets it push them, or Cloud Build both.

  Raises:
    VertexAIError: if docker is there, and could not push.
  """
  from xmanager.cloud import docker_lib

  if not docker_lib.is_docker_installed():
    print('No docker answers here: Cloud Build makes the images.', flush=True)
  elif not shutil.which('gcloud'):
    raise VertexAIError(
      'Docker needs gcloud to push images. Install it '
      '(https://cloud.google.com/sdk) and run `gcloud auth configure-docker`, '
      'or stop docker, so that Cloud Build makes the images.'
    )


def installed_requirements(gpu: bool) -> list[str]:
  """What a node's image must have: the versions that are installed here.

  Args:
    gpu: whether the node computes on a GPU.

  Returns:
    Lines of a requirements.txt.
  """
  versions = _closure(_DISTRIBUTION, {'', 'vertex'}, {})
  del versions[_DISTRIBUTION]
  if gpu:
    versions['jax[cuda12]'] = versions.pop('jax')
  return [f'{name}=={version}' for name, version in sorted(versions.items())]


def _closure(
  name: str, extras: set[str], found: dict[str, str]
) -> dict[str, str]:
  """The version of a distribution and of all that it requires, by name."""
  name = name.lower().replace('_', '-').replace('.', '-')
  is_new = name not in found
  if not is_new and extras <= {''}:
    return found
  found[name] = metadata.version(name)
  for line in metadata.requires(name) or []:
    requirement = requirements_lib.Requirement(line)
    marker = requirement.marker
    if marker is None or any(marker.evaluate({'extra': x}) for x in extras):
      _closure(requirement.name, {'', *requirement.extras}, found)
  return found


def write_code(folder: pathlib.Path) -> None:
  """Copies the package, with what it says of itself, for the images.

  Args:
    folder: where to, made if need be.
  """
  package = pathlib.Path(__file__).resolve().parents[2]
  shutil.copytree(
    package,
    folder / package.name,
    ignore=shutil.ignore_patterns('__pycache__'),
    dirs_exist_ok=True,
  )
  version = metadata.version(_DISTRIBUTION)
  about = folder / f'{package.name}-{version}.dist-info'
  about.mkdir(exist_ok=True)
  text = metadata.distribution(_DISTRIBUTION).read_text('METADATA') or ''
  (about / 'METADATA').write_text(text)


def make_resources(machines: Machines, folder: pathlib.Path) -> dict[str, Any]:
  """What Launchpad is to give the nodes of each group.

  Args:
    machines: of the program's nodes.
    folder: for the code and the requirements, which must stay until the
      program is launched.

  Returns:
    Launchpad's `DockerConfig` by the group's label.
  """
  from launchpad.nodes.python import xm_docker
  from xmanager import xm

  code = folder / 'code'
  write_code(code)
  configs = {}
  for field in dataclasses.fields(machines):
    machine = getattr(machines, field.name)
    requirements = folder / f'{field.name}.txt'
    lines = installed_requirements(gpu=bool(machine.gpu))
    requirements.write_text('\n'.join(lines) + '\n')
    gpu: dict[str, Any] = {machine.gpu: 1} if machine.gpu else {}
    configs[field.name] = xm_docker.DockerConfig(
      code_directory=str(code),
      docker_requirements=str(requirements),
      hw_requirements=xm.JobRequirements(
        cpu=machine.cpus, ram=machine.gibibytes * xm.GiB, **gpu
      ),
    )
  return {group: configs[kind] for group, kind in _KINDS.items()}


def _instructions(folder: str, environment: Mapping[str, str]) -> list[str]:
  """The lines that make a node's image of that of Python.

  Launchpad's own install a libpython from Debian, which has none for Python
  3.10; the image of Python has it. And they install the newest xmanager first.
  """
  return [
    *(f'ENV {name}="{value}"' for name, value in environment.items()),
    f'COPY {folder}/requirements.txt requirements.txt',
    'RUN python -m pip install -r requirements.txt',
    f'COPY {folder}/ {folder}',
    f'WORKDIR {folder}',
  ]


def _environment(role: str) -> dict[str, str]:
  """A node's variables; compiled programs are not kept in a container."""
  variables = resources.environment_of(role)
  return {
    name: value
    for name, value in variables.items()
    if not name.startswith(('JAX_COMPILATION', 'JAX_PERSISTENT'))
  }


@contextlib.contextmanager
def _own_instructions(learner: Any) -> Iterator[None]:
  """Lets Launchpad build images by `_instructions` meanwhile.

  Args:
    learner: the `DockerConfig` of the learner.

  Yields:
    Nothing.
  """
  import attr
  from launchpad.nodes.python import xm_docker

  make = xm_docker.to_docker_executables

  def make_executables(nodes, label, config):
    environment = _environment('learner' if config is learner else 'other')
    return [
      (
        attr.evolve(
          container,
          docker_instructions=_instructions(
            pathlib.Path(container.path).name, environment
          ),
        ),
        requirements,
      )
      for container, requirements in make(nodes, label, config)
    ]

  xm_docker.to_docker_executables = make_executables
  try:
    yield
  finally:
    xm_docker.to_docker_executables = make


def make_program(
  config: experiment_lib.ExperimentConfig, allow_changes: Sequence[str] = ()
) -> lp.Program:
  """Makes a run's program, whose counter begins with the run's folder.

  Here, in the launcher, the folder is not to be seen.

  Args:
    config: the run.
    allow_changes: fields that may differ from those that the run began with.

  Returns:
    The program of `program.make_program`.
  """
  # Of the source tree here: an image has no commit.
  described, spec = config.describe(), config.make_spec()
  return program_lib.make_program(
    config,
    begin=functools.partial(_begin, config, described, spec, allow_changes),
    # Vertex AI gives a node one port.
    has_replay_node=True,
  )


def _begin(
  config: experiment_lib.ExperimentConfig,
  described: Mapping[str, Any],
  spec: specs.EnvironmentSpec,
  allow_changes: Sequence[str],
) -> None:
  run_folder.begin(config.workdir, described, spec, allow_changes)
  program_lib.begin(config)


def launch(
  config: experiment_lib.ExperimentConfig,
  machines: Machines = Machines(),
  allow_changes: Sequence[str] = (),
) -> None:
  """Builds the images, and hands the program to Vertex AI.

  Comes back when the job is made; the program goes on by itself.

  Args:
    config: the run; its workdir is a path of the nodes, '/gcs/<bucket>/...'.
    machines: of the program's nodes.
    allow_changes: fields that may differ from those that the run began with.

  Raises:
    VertexAIError: if something is not installed or not set.
    ValueError: if the environment's specs do not suit the agent.
  """
  check_ready(config.workdir)
  program = make_program(config, allow_changes)
  with tempfile.TemporaryDirectory() as folder:
    node_resources = make_resources(machines, pathlib.Path(folder))
    with _own_instructions(node_resources['learner']):
      lp.launch(program, launch_type=LAUNCH_TYPE, xm_resources=node_resources)
