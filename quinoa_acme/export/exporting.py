"""Writes a run's policy as files that other programs read.

  quinoa_acme.export_policy('runs/mine', 'policy', format='onnx')

writes a folder with `mode.onnx`, `sample.onnx` and `log_prob.onnx`, and
`policy.json`, which says what each takes and gives. docs/use-elsewhere.md shows
how to act by them.
"""

from collections.abc import Mapping, Sequence
from importlib import metadata
import importlib.util
import json
import os
import pathlib
import shutil
import tempfile
from typing import Any, NamedTuple

import jax
from jax import experimental
import numpy as np

from quinoa_acme import policies
from quinoa_acme.environments import spec_json
from quinoa_acme.export import checking
from quinoa_acme.export import converter
from quinoa_acme.export import functions as functions_lib
from quinoa_acme.export import graph as graph_lib
from quinoa_acme.export import stablehlo_files
from quinoa_acme.utils import common_types as types
from quinoa_acme.utils import options
from quinoa_acme.utils import user_modules

FORMATS = ('onnx', 'stablehlo', 'npz')
_DESCRIPTION = 'policy.json'
_ARRAYS = 'policy.npz'
_VERSION = 1


class ExportError(ValueError):
  """A policy cannot be exported; says why."""


class Exported(NamedTuple):
  """What was written.

  Attributes:
    folder: the folder.
    differences: for each function that was compared with JAX, the largest
      difference on random observations, relative to what is above one.
  """

  folder: pathlib.Path
  differences: Mapping[str, float]


def export_policy(
  workdir: str | os.PathLike[str],
  output: str | os.PathLike[str],
  *,
  format: str = 'onnx',
  spec: types.EnvironmentSpec | None = None,
  modules: str | Sequence[str] = (),
) -> Exported:
  """Writes the policy of a run's last checkpoint into a new folder.

  There are three functions: `mode`, the greedy action; `sample`, the action
  that given noise leads to; `log_prob`, the log-density of a given action. Each
  takes a batch of any size. ONNX and StableHLO are run on random observations
  and compared with JAX before the folder gets its name.

  Args:
    workdir: the run's folder; the run may still be running.
    output: the folder to write; it must not exist.
    format: 'onnx'; 'stablehlo', for `jax.export`; or 'npz', arrays and JSON.
    spec: see `load_policy`.
    modules: see `load_policy`.

  Returns:
    The folder, and how far its files differ from JAX.

  Raises:
    ExportError: if the format does not exist, its packages are not installed,
      the folder exists, or the policy cannot be written in that format.
    FileNotFoundError: if the workdir does not hold a run.
    ValueError: see `load_policy`.
    checkpointing.CheckpointError: if there is no checkpoint, or it does not
      fit.

  Examples:
    >>> export_policy('runs/mine', 'policy', format='pickle')
    Traceback (most recent call last):
      ...
    quinoa_acme.export.exporting.ExportError: the format must be one of onnx, \
stablehlo, npz, but is 'pickle'.
  """
  check_arguments(output, format)
  user_modules.load_all(modules)
  workdir = os.path.expanduser(os.fspath(workdir))
  output = pathlib.Path(output).expanduser().absolute()
  # Single precision regardless of JAX_ENABLE_X64, as the parameters are, and
  # that of a CPU: an accelerator multiplies with fewer digits.
  with (
    experimental.disable_x64(),
    jax.default_device(jax.local_devices(backend='cpu')[0]),
  ):
    saved = policies.read_saved(workdir, spec)
    output.parent.mkdir(parents=True, exist_ok=True)
    # Beside it, so that a rename puts all of it there at once.
    aside = pathlib.Path(
      tempfile.mkdtemp(prefix=f'.{output.name}.', dir=output.parent)
    )
    try:
      differences = _write(saved, format, aside)
      aside.chmod(0o755)
      aside.rename(output)
    except graph_lib.ConversionError as error:
      raise ExportError(
        f'the policy of {workdir} cannot be exported as {format}: {error}.'
      ) from None
    finally:
      shutil.rmtree(aside, ignore_errors=True)
  return Exported(output, differences)


def check_arguments(output: str | os.PathLike[str], format: str) -> None:
  """Raises an ExportError if nothing can be written so, before it is made."""
  if format not in FORMATS:
    raise ExportError(
      f'the format must be one of {", ".join(FORMATS)}, but is {format!r}.'
    )
  path = pathlib.Path(output).expanduser().absolute()
  if path.exists() or path.is_symlink():
    raise ExportError(
      f'{path} exists already: give a folder that does not, or remove it.'
    )
  there = next(x for x in path.parents if x.exists())
  if not (there.is_dir() and os.access(there, os.W_OK)):
    raise ExportError(
      f'nothing can be written at {there}: give another folder.'
    )
  missing = [
    name
    for name in ('onnx', 'onnxruntime')
    if format == 'onnx' and importlib.util.find_spec(name) is None
  ]
  if missing:
    raise ExportError(
      f'ONNX needs {" and ".join(missing)}, not installed here. Install the '
      "extra `export`: pip install 'quinoa-acme[export]'."
    )


def _write(
  saved: policies.Saved, format: str, folder: pathlib.Path
) -> dict[str, float]:
  """Writes all files, and gives the differences by function."""
  functions = functions_lib.make_functions(
    saved.agent, saved.networks, saved.params, saved.spec
  )
  parameters = functions_lib.named_leaves(saved.params)
  described: dict[str, Any] = _describe(saved, parameters)
  differences = {}
  arrays = dict(parameters)
  for function in functions:
    entry = described['functions'][function.name] = _describe_function(function)
    path = folder / f'{function.name}.{format}'
    if format == 'stablehlo':
      stablehlo_files.write(function, saved.params, path)
      run = stablehlo_files.read(path, function)
    else:
      graph = converter.convert(
        function.jaxpr,
        parameters,
        [x.name for x in function.inputs],
        function.output,
      )
      if format == 'npz':
        entry |= _nodes_of(graph, function.name, parameters, arrays)
        continue
      # Imported here, because only this format needs what it imports.
      from quinoa_acme.export import onnx_files

      onnx_files.write(graph, function.name, path)
      run = onnx_files.read(path, function)
    entry['file'] = path.name
    differences[function.name] = checking.largest_difference(
      function, saved.params, run
    )
  if format == 'npz':
    np.savez(folder / _ARRAYS, **arrays)
  (folder / _DESCRIPTION).write_text(json.dumps(described, indent=1) + '\n')
  return differences


def _describe(
  saved: policies.Saved, parameters: Mapping[str, np.ndarray]
) -> dict[str, Any]:
  return {
    'format': 'quinoa_acme.policy',
    'version': _VERSION,
    'quinoa_acme': metadata.version('quinoa-acme'),
    'agent': options.to_plain(saved.agent.config),
    'spec': spec_json.to_plain(saved.spec),
    'learner_steps': saved.learner_steps,
    'action_repeat': saved.action_repeat,
    'parameters': {name: list(x.shape) for name, x in parameters.items()},
    'functions': {},
  }


def _describe_function(
  function: functions_lib.PolicyFunction,
) -> dict[str, Any]:
  inputs = [
    {
      'name': x.name,
      'shape': [graph_lib.BATCH, *x.shape],
      'dtype': x.dtype.name,
    }
    | ({'draw': x.draw} if x.draw else {})
    for x in function.inputs
  ]
  shape = [graph_lib.BATCH, *function.shape]
  output = {'name': function.output, 'shape': shape, 'dtype': 'float32'}
  return {'inputs': inputs, 'output': output}


def _nodes_of(
  graph: graph_lib.Graph,
  name: str,
  parameters: Mapping[str, np.ndarray],
  arrays: dict[str, np.ndarray],
) -> dict[str, Any]:
  """A graph as plain values; its constants are added to the arrays."""

  def rename(value: str) -> str:
    is_own = value in graph.constants and value not in parameters
    return f'{name}/{value}' if is_own else value

  for key, array in graph.constants.items():
    arrays[rename(key)] = array
  nodes = [
    {
      'op': node.op,
      'inputs': [rename(value) for value in node.inputs],
      'output': node.output,
      'attributes': dict(node.attributes),
    }
    for node in graph.nodes
  ]
  return {'nodes': nodes}
