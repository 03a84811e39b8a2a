"""What is exported of a policy: three functions of named arrays."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
from jax import core as jax_core
from jax import export as jax_export
from jax.extend import core
import numpy as np

from quinoa_acme.agents.common import choices
from quinoa_acme.agents.common import off_policy
from quinoa_acme.export import converter
from quinoa_acme.export import graph as graph_lib
from quinoa_acme.export import noise as noise_lib
from quinoa_acme.utils import common_types as types


class Input(NamedTuple):
  """An array that a function takes.

  Attributes:
    name: its name: 'observation', or 'observation/<key>' for each part of a
      dictionary; 'action'; 'noise'.
    shape: without the dimension of the batch, which comes first.
    dtype: its dtype, as JAX computes with it.
    spec: the environment's spec of it, or None for noise.
    draw: the distribution of noise, 'uniform' in [0, 1) or 'normal'; else ''.
  """

  name: str
  shape: tuple[int, ...]
  dtype: np.dtype
  spec: Any = None
  draw: str = ''

  def abstract(self, batch: Any) -> jax.ShapeDtypeStruct:
    """Its shape and dtype for a batch of a size, which may be symbolic."""
    return jax.ShapeDtypeStruct((batch, *self.shape), self.dtype)


class PolicyFunction(NamedTuple):
  """A pure function of a policy.

  Attributes:
    name: 'mode', 'sample' or 'log_prob'.
    call: from parameters and the inputs' arrays to the output's.
    inputs: what it takes, in order.
    output: the name of what it gives, 'action' or 'log_prob'.
    shape: the output's, without the batch's dimension.
    jaxpr: of `call`, for a batch of any size, without calls.
  """

  name: str
  call: Callable[..., jax.Array]
  inputs: tuple[Input, ...]
  output: str
  shape: tuple[int, ...]
  jaxpr: core.ClosedJaxpr


def make_functions(
  agent: off_policy.OffPolicyAgent,
  networks: Any,
  params: types.Params,
  spec: types.EnvironmentSpec,
) -> list[PolicyFunction]:
  """Makes the functions to export.

  Args:
    agent: the algorithm.
    networks: its networks.
    params: the policy's parameters, for their shapes.
    spec: the environment's specs, canonical.

  Returns:
    `mode`: the greedy action; `sample`: the sampled one, by given noise;
    `log_prob`: the log-density of a given action.

  Raises:
    graph_lib.ConversionError: if the agent cannot be exported.
  """
  make_log_prob = getattr(agent, 'make_log_prob', None)
  if make_log_prob is None:
    raise graph_lib.ConversionError(
      f'{type(agent).__name__} has no make_log_prob(networks), which gives the '
      "policy's log-density"
    )
  mode = agent.make_policy(networks, choices.BaseMode())
  sample = agent.make_policy(networks, choices.Sample())
  log_prob = make_log_prob(networks)
  observations = tuple(_inputs_of(spec.observations, 'observation'))
  action = Input('action', tuple(spec.actions.shape), np.dtype(np.float32))
  action = action._replace(spec=spec.actions)
  size = len(observations)

  def nest(arrays: Sequence[jax.Array]) -> Any:
    return _nest(spec.observations, iter(arrays))

  def act_by(policy: off_policy.Policy) -> Callable[..., jax.Array]:
    # The key is a constant: what it draws becomes an input, or is refused.
    return lambda params, *arrays: policy(
      params, jax.random.PRNGKey(0), nest(arrays)
    )

  def evaluate(params, *arrays):
    return log_prob(params, nest(arrays[:size]), arrays[size])

  return [
    _make('mode', act_by(mode), params, observations, action),
    _make('sample', act_by(sample), params, observations, action),
    _make('log_prob', evaluate, params, (*observations, action), None),
  ]


def named_leaves(params: types.Params) -> dict[str, np.ndarray]:
  """The arrays of parameters, by their paths, such as 'params/head/w'."""
  leaves, _ = jax.tree_util.tree_flatten_with_path(params)
  return {
    jax.tree_util.keystr(path, simple=True, separator='/'): np.asarray(leaf)
    for path, leaf in leaves
  }


def _make(
  name: str,
  function: Callable[..., jax.Array],
  params: types.Params,
  inputs: tuple[Input, ...],
  action: Input | None,
) -> PolicyFunction:
  [batch] = jax_export.symbolic_shape(graph_lib.BATCH)
  abstract = [x.abstract(batch) for x in inputs]
  try:
    draws = noise_lib.draws_of(function, params, *abstract)
  except (TypeError, ValueError, jax_core.InconclusiveDimensionOperation) as e:
    raise graph_lib.ConversionError(
      f'its {name} does not take a batch of any size: {e}'
    ) from e
  if draws and name != 'sample':
    raise graph_lib.ConversionError(
      f'its {name} draws random numbers; give its flow a {name} that does not'
    )
  inputs += tuple(map(_noise_input, draws, range(len(draws))))
  call = noise_lib.with_noise(function, 1 + len(abstract))
  jaxpr = jax.make_jaxpr(call)(params, *[x.abstract(batch) for x in inputs])
  found = _primitives(converter.live_equations(jaxpr.jaxpr))
  if any(x.startswith(('random_', 'threefry')) for x in found):
    raise graph_lib.ConversionError(
      f'its {name} draws random numbers otherwise than by jax.random.uniform, '
      'normal, and what is made of these'
    )
  output, shape = ('action', action.shape) if action else ('log_prob', ())
  return PolicyFunction(name, call, inputs, output, shape, jaxpr)


def _noise_input(draw: noise_lib.Draw, number: int) -> Input:
  batch, *shape = graph_lib.of_jax(draw.shape) or (0,)
  sizes = [x for x in shape if isinstance(x, int)]
  if batch != graph_lib.BATCH or len(sizes) < len(shape):
    raise graph_lib.ConversionError(
      f'it draws noise of the shape {draw.shape}, not one row an observation'
    )
  name = f'noise_{number}' if number else 'noise'
  return Input(name, tuple(sizes), np.dtype(np.float32), draw=draw.kind)


def _primitives(eqns: Sequence[Any]) -> Iterator[str]:
  """The names of all primitives, also of those in loops."""

  def is_body(x: Any) -> bool:
    return isinstance(x, core.Jaxpr | core.ClosedJaxpr)

  for eqn in eqns:
    yield eqn.primitive.name
    leaves = jax.tree_util.tree_leaves(
      list(eqn.params.values()), is_leaf=is_body
    )
    for body in filter(is_body, leaves):
      yield from _primitives(getattr(body, 'jaxpr', body).eqns)


def _inputs_of(spec: Any, name: str) -> Iterator[Input]:
  """The arrays of an observation, in the order in which networks take them."""
  if isinstance(spec, Mapping):
    for key, part in spec.items():
      yield from _inputs_of(part, f'{name}/{key}')
  elif isinstance(spec, tuple):
    for i, part in enumerate(spec):
      yield from _inputs_of(part, f'{name}/{i}')
  else:
    dtype = np.dtype(jax.dtypes.canonicalize_dtype(spec.dtype))
    yield Input(name, tuple(spec.shape), dtype, spec)


def _nest(spec: Any, arrays: Iterator[jax.Array]) -> Any:
  if isinstance(spec, Mapping):
    return {key: _nest(part, arrays) for key, part in spec.items()}
  if isinstance(spec, tuple):
    return tuple(_nest(part, arrays) for part in spec)
  return next(arrays)
