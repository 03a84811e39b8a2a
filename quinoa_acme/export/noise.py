"""Functions that are given their random numbers, instead of drawing them.

An exported policy has no random keys: whoever acts with it brings the noise.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
from jax import lax
from jax.extend import core
import jax.numpy as jnp

# The calls inside which JAX draws, by the names of its jitted functions, and
# the distribution of what they draw. All others of jax.random that draw floats
# are made of these two.
_DRAWS = {'_uniform': 'uniform', '_normal': 'normal'}
# Primitives that call a function, which stands in one of these parameters.
_CALLS = frozenset(
  (
    'pjit',
    'jit',
    'closed_call',
    'core_call',
    'custom_jvp_call',
    'custom_vjp_call',
    'custom_vjp_call_jaxpr',
    'checkpoint',
    'remat2',
  )
)
_BODIES = ('jaxpr', 'call_jaxpr', 'fun_jaxpr')


class Draw(NamedTuple):
  """A draw of random numbers.

  Attributes:
    kind: 'uniform', in [0, 1), or 'normal', of mean 0 and scale 1.
    shape: without leading dimensions of 1; some may be symbolic.
  """

  kind: str
  shape: tuple[Any, ...]


def draws_of(function: Callable[..., Any], *args: Any) -> list[Draw]:
  """The draws that a function makes, in their order.

  Args:
    function: a function of arrays.
    *args: arrays, or their shapes and dtypes.

  Returns:
    The draws by `jax.random.uniform`, `normal`, and what is made of them.
  """
  found: list[Draw] = []

  def note(kind: str, shape: tuple[Any, ...]) -> jax.Array:
    found.append(Draw(kind, _without_leading_ones(shape)))
    return jnp.zeros(shape)

  def noted(*args: Any) -> list[Any]:
    return _evaluate(jax.make_jaxpr(function)(*args), args, note)

  jax.eval_shape(noted, *args)
  return found


def with_noise(
  function: Callable[..., Any], num_args: int
) -> Callable[..., Any]:
  """Turns the draws of a function into arguments of it.

  Args:
    function: a function of arrays to an array.
    num_args: the number of its arguments.

  Returns:
    A function that takes the same arguments, and then one array for each of
    `draws_of`, with its shape.
  """

  def given(*args: Any) -> jax.Array:
    noise = iter(args[num_args:])

    def take(kind: str, shape: tuple[Any, ...]) -> jax.Array:
      del kind
      return jnp.reshape(next(noise), shape)

    own = args[:num_args]
    [result] = _evaluate(jax.make_jaxpr(function)(*own), own, take)
    return result

  return given


def _without_leading_ones(shape: Sequence[Any]) -> tuple[Any, ...]:
  shape = tuple(shape)
  while shape and isinstance(shape[0], int) and shape[0] == 1:
    shape = shape[1:]
  return shape


def _evaluate(
  closed: core.ClosedJaxpr,
  args: Sequence[Any],
  draw: Callable[[str, tuple[Any, ...]], jax.Array],
) -> list[Any]:
  """Evaluates a jaxpr, with its calls inlined and its draws replaced."""
  jaxpr = closed.jaxpr
  leaves = jax.tree_util.tree_leaves(args)
  values: dict[Any, Any] = dict(
    zip(jaxpr.constvars, closed.consts, strict=True)
  )
  values.update(zip(jaxpr.invars, leaves, strict=True))

  def read(variable: Any) -> Any:
    if isinstance(variable, core.Literal):
      return variable.val
    return values[variable]

  for eqn in jaxpr.eqns:
    inputs = [read(variable) for variable in eqn.invars]
    body = _body_of(eqn)
    kind = _DRAWS.get(eqn.params.get('name', '')) if body else None
    if kind is not None:
      results = [_draw(kind, eqn, inputs, draw)]
    elif body is not None:
      results = _evaluate(body, inputs, draw)
    else:
      functions, params = eqn.primitive.get_bind_params(eqn.params)
      results = eqn.primitive.bind(*functions, *inputs, **params)
      if not eqn.primitive.multiple_results:
        results = [results]
    values.update(zip(eqn.outvars, results, strict=True))
  return [read(variable) for variable in jaxpr.outvars]


def _body_of(eqn: Any) -> core.ClosedJaxpr | None:
  """The function that an equation calls, if that is all it does."""
  if eqn.primitive.name not in _CALLS:
    return None
  body = next(eqn.params[name] for name in _BODIES if name in eqn.params)
  if isinstance(body, core.ClosedJaxpr):
    return body
  return core.ClosedJaxpr(body, ())


def _draw(
  kind: str,
  eqn: Any,
  inputs: Sequence[Any],
  draw: Callable[[str, tuple[Any, ...]], jax.Array],
) -> jax.Array:
  aval = eqn.outvars[0].aval
  noise = draw(kind, aval.shape).astype(aval.dtype)
  if kind == 'normal':
    return noise
  # The last steps of jax.random.uniform, in its order.
  _, low, high = inputs
  low, high = (jnp.asarray(bound, aval.dtype) for bound in (low, high))
  scaled = noise * jnp.broadcast_to(high - low, noise.shape)
  low = jnp.broadcast_to(low, noise.shape)
  return lax.max(low, scaled + low)
