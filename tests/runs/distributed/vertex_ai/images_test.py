"""What the image of a node has."""

import importlib.metadata
import pathlib
import re

from quinoa_acme.runs.distributed.vertex_ai import images

_ROOT = pathlib.Path(__file__).resolve().parents[4]


def test_an_image_has_the_locked_versions_and_no_tools_of_ours():
  lines = images.installed_requirements(gpu=False)
  found = dict(line.split('==') for line in lines)
  # Some have another version for a later Python.
  locked = set(
    re.findall(
      r'^name = "(.*)"\nversion = "(.*)"$',
      (_ROOT / 'uv.lock').read_text(),
      re.MULTILINE,
    )
  )
  assert locked >= set(found.items())
  needed = {'dm-acme', 'dm-control', 'dm-launchpad', 'dm-reverb', 'xmanager'}
  assert needed | {'google-cloud-aiplatform', 'jax', 'jaxlib'} <= set(found)
  assert not {'pytest', 'ruff', 'mkdocs', 'quinoa-acme'} & set(found)


def test_only_a_node_with_a_gpu_gets_the_packages_for_it():
  with_gpu = images.installed_requirements(gpu=True)
  without = images.installed_requirements(gpu=False)
  version = importlib.metadata.version('jax')
  assert set(with_gpu) ^ set(without) == {
    f'jax=={version}',
    f'jax[cuda12]=={version}',
  }
