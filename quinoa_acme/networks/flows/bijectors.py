"""Invertible maps of vectors; a flow is a chain of them.

They have two methods of distrax's bijectors, with the same meaning, so
distrax's own can be used wherever one is expected. The few that all flows need
are implemented here because distrax imports TensorFlow Probability, which takes
longer to import than everything else that a policy needs besides JAX.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from quinoa_acme.networks import box as box_lib


class Bijector(Protocol):
  """An invertible map, of vectors or elementwise.

  A map of vectors takes [..., A] and has log-determinants [...]. An elementwise
  map has one log-determinant per element, [..., A].
  """

  def forward_and_log_det(self, x: Any) -> tuple[Any, Any]:
    """y = f(x), and log |det df/dx|."""
    ...

  def inverse_and_log_det(self, y: Any) -> tuple[Any, Any]:
    """x = f^-1(y), and log |det df^-1/dy|."""
    ...


class ScalarAffine:
  """x * exp(log_scale) + shift, elementwise."""

  def __init__(self, shift: jax.Array, log_scale: jax.Array):
    """Makes the bijector.

    Args:
      shift: float array; its shape is that of the input, or of the input's last
        dimensions.
      log_scale: the same.
    """
    self._shift = shift
    self._log_scale = log_scale

  def forward_and_log_det(self, x: Any) -> tuple[jax.Array, jax.Array]:
    """Scales and shifts elements."""
    shift, log_scale = self._broadcast_to(jnp.shape(x))
    return jnp.exp(log_scale) * x + shift, log_scale

  def inverse_and_log_det(self, y: Any) -> tuple[jax.Array, jax.Array]:
    """Undoes scaling and shifting."""
    shift, log_scale = self._broadcast_to(jnp.shape(y))
    return jnp.exp(-log_scale) * (y - shift), -log_scale

  def _broadcast_to(self, shape: tuple[int, ...]) -> list[jax.Array]:
    parts = (self._shift, self._log_scale)
    return [jnp.broadcast_to(part, shape) for part in parts]


class Logit:
  """Maps points of [0, 1] to their logits, elementwise; finite on the faces."""

  def forward_and_log_det(self, x: Any) -> tuple[jax.Array, jax.Array]:
    """Maps points to logits, with the log-derivative."""
    logit = box_lib.logit(jnp.asarray(x))
    return logit, -box_lib.logistic_log_prob(logit)

  def inverse_and_log_det(self, y: Any) -> tuple[jax.Array, jax.Array]:
    """Maps logits to points, by the sigmoid."""
    logit = jnp.asarray(y)
    return jax.nn.sigmoid(logit), box_lib.logistic_log_prob(logit)


class Elementwise:
  """Turns an elementwise bijector into one of vectors."""

  def __init__(self, bijector: Bijector):
    """Makes the bijector.

    Args:
      bijector: the elementwise bijector.
    """
    self._bijector = bijector

  def forward_and_log_det(self, x: Any) -> tuple[jax.Array, jax.Array]:
    """Maps [..., A]; the log-determinant is the sum over elements, [...]."""
    y, log_slope = self._bijector.forward_and_log_det(x)
    return y, jnp.sum(log_slope, axis=-1)

  def inverse_and_log_det(self, y: Any) -> tuple[jax.Array, jax.Array]:
    """Maps [..., A] back, as `forward_and_log_det` does."""
    x, log_slope = self._bijector.inverse_and_log_det(y)
    return x, jnp.sum(log_slope, axis=-1)


class Permutation:
  """Reorders the dimensions."""

  def __init__(self, order: np.ndarray):
    """Makes the bijector.

    Args:
      order: for each position, the dimension to put there, integers [A].
    """
    self._order = np.asarray(order)

  def forward_and_log_det(self, x: Any) -> tuple[jax.Array, jax.Array]:
    """Reorders the dimensions of [..., A]; the log-determinant is zero."""
    return _choose(jnp.asarray(x), self._order)

  def inverse_and_log_det(self, y: Any) -> tuple[jax.Array, jax.Array]:
    """Puts the dimensions of [..., A] back."""
    return _choose(jnp.asarray(y), np.argsort(self._order))


def _choose(x: jax.Array, order: np.ndarray) -> tuple[jax.Array, jax.Array]:
  # A product is exact here, and its gradient is a product too, not a scatter.
  matrix = jnp.asarray(np.eye(order.size)[:, order], x.dtype)
  chosen = jnp.matmul(x, matrix, precision=jax.lax.Precision.HIGHEST)
  return chosen, jnp.zeros(x.shape[:-1], x.dtype)


class SplitCoupling:
  """Moves some dimensions by a map that depends on the others (RealNVP)."""

  def __init__(
    self,
    num_first: int,
    choose: Callable[[jax.Array], Bijector],
    *,
    moves_first: bool,
  ):
    """Makes the bijector.

    Args:
      num_first: number D of dimensions before the split.
      choose: maps the unchanged dimensions to the elementwise map of the moved
        ones.
      moves_first: whether to move the D dimensions before the split, or those
        after it.
    """
    self._num_first = num_first
    self._choose = choose
    self._moves_first = moves_first

  def forward_and_log_det(self, x: Any) -> tuple[jax.Array, jax.Array]:
    """Moves some dimensions of [..., A]; log-determinants are [...]."""
    kept, moved = self._split(jnp.asarray(x))
    moved, log_det = Elementwise(self._choose(kept)).forward_and_log_det(moved)
    return self._join(kept, moved), log_det

  def inverse_and_log_det(self, y: Any) -> tuple[jax.Array, jax.Array]:
    """Moves them back, which the unchanged dimensions make possible."""
    kept, moved = self._split(jnp.asarray(y))
    moved, log_det = Elementwise(self._choose(kept)).inverse_and_log_det(moved)
    return self._join(kept, moved), log_det

  def _split(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The unchanged dimensions, and the moved ones."""
    first, second = jnp.split(x, [self._num_first], axis=-1)
    return (second, first) if self._moves_first else (first, second)

  def _join(self, kept: jax.Array, moved: jax.Array) -> jax.Array:
    parts = [moved, kept] if self._moves_first else [kept, moved]
    return jnp.concatenate(parts, axis=-1)


class Chain:
  """Bijectors of vectors applied one after another."""

  def __init__(self, bijectors: Sequence[Bijector]):
    """Makes the bijector.

    Args:
      bijectors: at least one, in the order in which `forward_and_log_det`
        applies them.
    """
    self._bijectors = tuple(bijectors)

  def forward_and_log_det(self, x: Any) -> tuple[jax.Array, jax.Array]:
    """Maps [..., A] through each in turn; log-determinants are [...]."""
    log_dets = []
    for bijector in self._bijectors:
      x, log_det = bijector.forward_and_log_det(x)
      log_dets.append(log_det)
    return x, sum(log_dets[1:], log_dets[0])

  def inverse_and_log_det(self, y: Any) -> tuple[jax.Array, jax.Array]:
    """Maps [..., A] back, from the last bijector to the first."""
    log_dets = []
    for bijector in reversed(self._bijectors):
      y, log_det = bijector.inverse_and_log_det(y)
      log_dets.append(log_det)
    return y, sum(log_dets[1:], log_dets[0])

  def forward_as_given(
    self, x: jax.Array
  ) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Maps `x` forward, then treats the image as constant.

    The gradient of a density at its own samples needs this: it asks how the
    point behind a fixed image changes with the parameters. The intermediate
    points are known, so nothing is inverted, and the couplings' networks see
    the same numbers in both directions: XLA computes them once.

    Args:
      x: points, [..., A].

    Returns:
      Their image y, [..., A], through which no gradient flows; x with the
      gradient of `inverse_and_log_det(y)`; and the log-determinant of that
      inverse, [...], with its gradient.
    """
    points = [x]
    for bijector in self._bijectors:
      point, _ = bijector.forward_and_log_det(points[-1])
      points.append(jax.lax.stop_gradient(jnp.asarray(point)))
    image = point = points.pop()
    log_dets = []
    for bijector in reversed(self._bijectors):
      inverse, log_det = bijector.inverse_and_log_det(point)
      point = with_gradient_of(inverse, points.pop())
      log_dets.append(log_det)
    return image, point, sum(log_dets[1:], log_dets[0])


@jax.custom_jvp
def with_gradient_of(computed: jax.Array, value: jax.Array) -> jax.Array:
  """The value of one array, with the gradient of another.

  Args:
    computed: gives the gradient; equals `value` up to rounding.
    value: gives the value; any shape.

  Returns:
    An array of that shape.
  """
  del computed
  return value


@with_gradient_of.defjvp
def _gradient_of_jvp(
  primals: tuple[jax.Array, jax.Array], tangents: tuple[jax.Array, jax.Array]
) -> tuple[jax.Array, jax.Array]:
  return primals[1], tangents[0]
