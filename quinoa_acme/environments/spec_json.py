"""Array specs as plain values for JSON, and back."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from quinoa_acme.utils import common_types as types
from quinoa_acme.utils import nests
from quinoa_acme.utils import specs


def to_plain(spec: types.EnvironmentSpec) -> dict[str, Any]:
  """An environment's specs as plain values.

  Args:
    spec: array specs, which may be bounded, or nests of them.

  Returns:
    The values: for each array its shape, dtype, name, and bounds, if any.

  Raises:
    ValueError: if a part is neither an array spec nor a nest of array specs.
  """
  return {
    name: _to_plain(nests.canonical_spec(getattr(spec, name), name))
    for name in specs.EnvironmentSpec._fields
  }


def from_plain(plain: Mapping[str, Any]) -> specs.EnvironmentSpec:
  """Restores the argument of `to_plain`, with sequences as tuples.

  Args:
    plain: the values.

  Returns:
    The specs.

  Raises:
    KeyError: if a value is missing.
  """
  return specs.EnvironmentSpec(
    **{name: _from_plain(plain[name]) for name in specs.EnvironmentSpec._fields}
  )


def _to_plain(spec: Any) -> Any:
  """Plain values of a canonical nest of array specs."""
  if isinstance(spec, dict):
    return {'mapping': {key: _to_plain(part) for key, part in spec.items()}}
  if isinstance(spec, tuple):
    return {'sequence': [_to_plain(part) for part in spec]}
  plain = {
    'shape': list(spec.shape),
    'dtype': spec.dtype.name,
    'name': spec.name,
  }
  if isinstance(spec, specs.BoundedArray):
    plain |= {
      'minimum': _bounds_to_plain(spec.minimum),
      'maximum': _bounds_to_plain(spec.maximum),
    }
  return plain


def _bounds_to_plain(bounds: np.ndarray) -> Any:
  """Numbers, or texts for infinity, which JSON does not have."""
  is_finite = np.isfinite(bounds).all()
  return (bounds if is_finite else bounds.astype(str)).tolist()


def _from_plain(plain: Mapping[str, Any]) -> Any:
  if 'mapping' in plain:
    parts = plain['mapping']
    return {key: _from_plain(parts[key]) for key in sorted(parts)}
  if 'sequence' in plain:
    return tuple(_from_plain(part) for part in plain['sequence'])
  dtype = np.dtype(plain['dtype'])
  if 'minimum' not in plain:
    return specs.Array(plain['shape'], dtype, plain['name'])
  return specs.BoundedArray(
    plain['shape'],
    dtype,
    np.array(plain['minimum'], dtype),
    np.array(plain['maximum'], dtype),
    plain['name'],
  )
