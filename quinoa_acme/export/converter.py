"""Turns a pure JAX function into a graph of ONNX's operators.

It reads the function's jaxpr, and so knows nothing of flows and layers: what
computes with the primitives of `operators.py` is converted, and another is
refused by its name.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
from jax.extend import core
import numpy as np

from quinoa_acme.export import graph as graph_lib
from quinoa_acme.export import operators
from quinoa_acme.export.graph import Value


def live_equations(jaxpr: core.Jaxpr) -> list[Any]:
  """The equations of a jaxpr that its outputs depend on."""
  needed = {x for x in jaxpr.outvars if isinstance(x, core.Var)}
  kept = []
  for eqn in reversed(jaxpr.eqns):
    if needed.intersection(eqn.outvars):
      needed.update(x for x in eqn.invars if isinstance(x, core.Var))
      kept.append(eqn)
  return kept[::-1]


def convert(
  closed: core.ClosedJaxpr,
  parameters: Mapping[str, np.ndarray],
  inputs: Sequence[str],
  output: str,
) -> graph_lib.Graph:
  """Converts a function of parameters and inputs to one array.

  What depends on parameters alone is computed here, once.

  Args:
    closed: the function's jaxpr, without calls. Its arguments are the
      parameters, then the inputs.
    parameters: the parameters by name.
    inputs: the names of the inputs.
    output: the name of the output.

  Returns:
    The graph.

  Raises:
    graph_lib.ConversionError: if the function has a primitive that is not in
      `operators.py`, or uses one as it does not.
  """
  graph = graph_lib.Graph()
  jaxpr = closed.jaxpr
  values: dict[Any, Value] = {}
  for variable, array in zip(jaxpr.constvars, closed.consts, strict=True):
    values[variable] = graph.constant(array)
  arguments = iter(jaxpr.invars)
  for name, array in parameters.items():
    values[next(arguments)] = graph.constant(array, name)
  for name, variable in zip(inputs, arguments, strict=True):
    shape = operators.shape_of(variable)
    dtype = operators.dtype_of(variable)
    values[variable] = graph.add_input(name, shape, dtype)

  def read(variable: Any) -> Value:
    if isinstance(variable, core.Literal):
      return graph.constant(
        np.asarray(variable.val, operators.dtype_of(variable))
      )
    return values[variable]

  for eqn in live_equations(jaxpr):
    results = _convert_one(graph, eqn, [read(x) for x in eqn.invars])
    values.update(zip(eqn.outvars, results, strict=True))
  [result] = jaxpr.outvars
  value = graph.expand(read(result), operators.shape_of(result))
  graph.finish(value, output)
  return graph


def _convert_one(
  graph: graph_lib.Graph, eqn: Any, inputs: list[Value]
) -> list[Value]:
  name = eqn.primitive.name
  arrays = [value.array for value in inputs]
  constants = [array for array in arrays if array is not None]
  if len(constants) == len(arrays):
    results = _compute(eqn, constants)
    if results is not None:
      return [graph.constant(result) for result in results]
  rule = operators.ELEMENTWISE.get(name) or operators.STRUCTURAL.get(name)
  if rule is None:
    raise graph_lib.ConversionError(f"it uses JAX's primitive {name!r}")
  found = rule(graph, eqn, inputs)
  return found if isinstance(found, list) else [found]


def _compute(
  eqn: Any, arrays: Sequence[np.ndarray]
) -> Sequence[np.ndarray] | None:
  """The results of an equation of constants, unless they need the batch."""
  shapes = [
    operators.shape_of(variable) for variable in (*eqn.invars, *eqn.outvars)
  ]
  primitive = eqn.primitive
  if all(map(graph_lib.is_static, shapes)):
    if primitive.name == 'split' and len(eqn.outvars) == 1:
      return None  # It is the same array, and keeps its name.
    full = [
      np.broadcast_to(array, [int(size) for size in shape])
      for array, shape in zip(arrays, shapes[: len(arrays)], strict=True)
    ]
  elif primitive.name in operators.ELEMENTWISE:
    full = np.broadcast_arrays(*arrays)
  else:
    return None
  functions, params = primitive.get_bind_params(eqn.params)
  results = primitive.bind(*functions, *full, **params)
  results = results if primitive.multiple_results else [results]
  return [np.asarray(jax.device_get(result)) for result in results]
