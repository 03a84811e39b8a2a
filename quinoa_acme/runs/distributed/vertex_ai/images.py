"""Images for a program's nodes: the code, and the versions installed here."""

from collections.abc import Iterator, Mapping
import contextlib
import dataclasses
from importlib import metadata
import pathlib
import shutil
from typing import Any

from packaging import requirements as requirements_lib

from quinoa_acme.runs.distributed.vertex_ai import machines as machines_lib
from quinoa_acme.utils import resources

_DISTRIBUTION = 'quinoa-acme'
# The machine for each group of the program. Vertex AI takes at most four kinds.
# The first kind must have one machine, which Launchpad takes to be the
# learner's.
_KINDS = {
  'learner': 'learner',
  'replay': 'servers',
  'counter': 'servers',
  'evaluator': 'workers',
  'actor': 'workers',
}


def installed_requirements(gpu: bool) -> list[str]:
  """The requirements of a node's image: the versions installed here.

  Args:
    gpu: whether the node computes on a GPU.

  Returns:
    Lines of a requirements.txt.
  """
  versions = _closure(_DISTRIBUTION, {'', 'distributed', 'vertex'}, {})
  del versions[_DISTRIBUTION]
  if gpu:
    versions['jax[cuda12]'] = versions.pop('jax')
  return [f'{name}=={version}' for name, version in sorted(versions.items())]


def _closure(
  name: str, extras: set[str], found: dict[str, str]
) -> dict[str, str]:
  """The versions of a distribution and of all its requirements, by name."""
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
  """Copies the package, with its metadata, for the images.

  Args:
    folder: the destination, made if needed.
  """
  package = pathlib.Path(__file__).resolve().parents[3]
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


def make_resources(
  machines: machines_lib.Machines, folder: pathlib.Path
) -> dict[str, Any]:
  """The resources that Launchpad gives to the nodes of each group.

  Args:
    machines: the nodes' machines.
    folder: for the code and the requirements; it must stay until the program
      is launched.

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
  """The lines that turn the Python image into a node's image.

  Launchpad's own lines install a libpython from Debian, which has none for
  Python 3.10; the Python image has it. They also install the newest xmanager
  first.
  """
  return [
    *(f'ENV {name}="{value}"' for name, value in environment.items()),
    f'COPY {folder}/requirements.txt requirements.txt',
    'RUN python -m pip install -r requirements.txt',
    f'COPY {folder}/ {folder}',
    f'WORKDIR {folder}',
  ]


def _environment(role: str) -> dict[str, str]:
  """A node's variables; a container does not keep compiled programs."""
  variables = resources.environment_of(role)
  return {
    name: value
    for name, value in variables.items()
    if not name.startswith(('JAX_COMPILATION', 'JAX_PERSISTENT'))
  }


@contextlib.contextmanager
def own_instructions(learner: Any) -> Iterator[None]:
  """Makes Launchpad build images by `_instructions` during the block.

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
