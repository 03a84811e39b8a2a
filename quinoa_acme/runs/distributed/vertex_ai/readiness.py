"""Checks that Vertex AI's requirements beyond this machine are met."""

import os
import pathlib
import shutil

from quinoa_acme.runs.distributed import launchers

_BUCKET = 'GOOGLE_CLOUD_BUCKET_NAME'
# Where Vertex AI mounts the project's buckets in every container.
_MOUNT = pathlib.PurePosixPath('/gcs')
_SEE = 'See docs/beyond-one-machine.md of quinoa-acme.'


class VertexAIError(launchers.LaunchError):
  """A program cannot be launched on Vertex AI; says why, and what to do."""


def default_workdir(name: str) -> str:
  """A folder in the bucket that an environment variable names.

  Args:
    name: the folder's path in the bucket.

  Returns:
    Its path as the nodes see it.

  Raises:
    VertexAIError: if no environment variable names a bucket.
  """
  return str(_MOUNT / _read_bucket() / name)


def check_ready(workdir: str) -> None:
  """Checks that a program can be launched, before anything is built.

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
      'The credentials name no Google Cloud project. Run `gcloud config set '
      f'project <id>`, or `export GOOGLE_CLOUD_PROJECT=<id>`. {_SEE}'
    )


def _check_builder() -> None:
  """Checks for docker and gcloud, to build and push images, or Cloud Build.

  Raises:
    VertexAIError: if docker is there but could not push.
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
