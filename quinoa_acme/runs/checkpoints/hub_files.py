"""Policies on the Hugging Face Hub: where they are, and how they get here.

A shared policy is the folder of a run with nothing but `config.json`,
`spec.json` and a checkpoint that holds the policy alone: JSON and plain arrays.
So what reads a run reads it too, checks it in the same way, and runs nothing of
it. An agent or a flow of one's own must be imported by who loads it.
"""

from collections.abc import Iterator, Mapping
import contextlib
import importlib.util
import json
import math
import os
import pathlib
from typing import Any
import zipfile

SCHEME = 'hf://'
CONFIG = 'config.json'
SPEC = 'spec.json'
CHECKPOINTS = 'checkpoints/learner'
# What is fetched; whatever else a repository holds is never read.
_PATTERNS = (CONFIG, SPEC, f'{CHECKPOINTS}/checkpoint-*.npz')
_GREATEST_JSON = 10_000_000
# Numbers in an observation or an action.
_GREATEST_ARRAY = 100_000_000


class HubError(ValueError):
  """A policy cannot be shared or fetched; says why, in one line."""


def is_address(workdir: str) -> bool:
  """Whether a text is an address on the Hub, not a folder.

  Examples:
    >>> is_address('hf://me/walker'), is_address('runs/walker')
    (True, False)
  """
  return workdir.startswith(SCHEME)


def fetch(address: str) -> str:
  """Downloads a shared policy, unless the library's cache has it.

  The library's own variables work as usual: `HF_TOKEN`, `HF_ENDPOINT`,
  `HF_HOME`, and `HF_HUB_OFFLINE=1`, to use the cache alone.

  Args:
    address: 'hf://owner/name', or 'hf://owner/name@revision'.

  Returns:
    The folder.

  Raises:
    HubError: if it cannot be fetched, or is not what `quinoa push-to-hub`
      writes; names the address or the file.
  """
  check_installed()
  repo, _, revision = address.removeprefix(SCHEME).partition('@')
  # Only now, because it takes a while.
  import huggingface_hub

  with naming(address):
    folder = huggingface_hub.snapshot_download(
      repo, revision=revision or None, allow_patterns=list(_PATTERNS)
    )
  _check(pathlib.Path(folder), address)
  return folder


def check_installed() -> None:
  """Raises a HubError if the library is not installed."""
  if importlib.util.find_spec('huggingface_hub') is None:
    raise HubError(
      'the Hugging Face Hub needs huggingface_hub, which is not installed. '
      "Install the extra: pip install 'quinoa-acme[hub]'."
    )


@contextlib.contextmanager
def naming(address: str) -> Iterator[None]:
  """Turns what the library and the network raise into a line with a name."""
  try:
    yield
  # HTTP errors, a missing connection, a full disk, a name that is none.
  except Exception as error:
    said = ' '.join(f'{type(error).__name__}: {error}'.split())
    raise HubError(f'{address}: {said}') from error


def _check(folder: pathlib.Path, address: str) -> None:
  """Refuses what no run writes, before anything else reads it."""
  for name in (CONFIG, SPEC):
    path = folder / name
    if not path.is_file():
      raise HubError(
        f'{address} holds no policy of this package: there is no {name}.'
      )
    if path.stat().st_size > _GREATEST_JSON:
      raise HubError(f'{address}: {name} is too large to be a description.')
    try:
      plain = json.loads(path.read_text(encoding='utf-8'))
      if not isinstance(plain, dict):
        raise ValueError('it holds no object')
      if name == SPEC:
        _check_shapes(plain)
      elif not isinstance(plain['agent']['type'], str):
        raise ValueError('its agent has no type')
    except (KeyError, RecursionError, TypeError, ValueError) as error:
      raise HubError(
        f'{address}: {name} is not as a run writes it: {error!r}.'
      ) from None
  checkpoints = sorted((folder / CHECKPOINTS).glob('*.npz'))
  if not checkpoints:
    raise HubError(
      f'{address} holds no policy of this package: there is no checkpoint.'
    )
  for path in checkpoints:
    try:
      _check_archive(path)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
      raise HubError(
        f'{address}: {path.name} is torn or no checkpoint: {error}.'
      ) from None


def _check_shapes(plain: Any) -> None:
  """Refuses arrays that no environment has, before one is made."""
  if isinstance(plain, Mapping):
    if 'shape' in plain and math.prod(plain['shape']) > _GREATEST_ARRAY:
      raise ValueError(f'an array has the shape {plain["shape"]}')
    for part in plain.values():
      _check_shapes(part)
  elif isinstance(plain, list):
    for part in plain:
      _check_shapes(part)


def _check_archive(path: pathlib.Path) -> None:
  """Refuses an archive whose arrays are larger than the file."""
  with zipfile.ZipFile(path) as archive:
    size = sum(entry.file_size for entry in archive.infolist())
  if size > os.path.getsize(path):
    raise ValueError(f'its arrays would take {size:,} bytes')
