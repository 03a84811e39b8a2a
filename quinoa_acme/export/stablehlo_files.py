"""Functions as StableHLO, in the files of `jax.export`."""

from collections.abc import Callable, Mapping
import pathlib

import jax
from jax import export as jax_export
import numpy as np

from quinoa_acme.export import functions
from quinoa_acme.export import graph as graph_lib
from quinoa_acme.utils import common_types as types

# Where a file can run: what it was compiled from is the same for all.
_PLATFORMS = ('cpu', 'cuda', 'rocm', 'tpu')


def write(
  function: functions.PolicyFunction, params: types.Params, path: pathlib.Path
) -> None:
  """Writes a function, with its parameters as constants in it.

  Args:
    function: the function.
    params: the parameters.
    path: the file.
  """
  [batch] = jax_export.symbolic_shape(graph_lib.BATCH)

  def call(*inputs):
    return function.call(params, *inputs)

  exported = jax_export.export(jax.jit(call), platforms=_PLATFORMS)(
    *[x.abstract(batch) for x in function.inputs]
  )
  path.write_bytes(exported.serialize())


def read(
  path: pathlib.Path, function: functions.PolicyFunction
) -> Callable[[Mapping[str, np.ndarray]], np.ndarray]:
  """Opens a file.

  Args:
    path: the file.
    function: what it was written from.

  Returns:
    A function from inputs by name to the output.
  """
  call = jax_export.deserialize(bytearray(path.read_bytes())).call
  names = [x.name for x in function.inputs]
  return lambda inputs: np.asarray(call(*[inputs[name] for name in names]))
