"""Tests of the options for normalisation: the layer of each."""

import haiku as hk
import jax
import numpy as np
import pytest

from quinoa_acme.networks import norms


@pytest.mark.parametrize(
  ('norm', 'names'),
  [
    (norms.NoNorm(), {'w', 'b'}),
    (norms.LayerNorm(), {'w', 'b', 'scale', 'offset'}),
    (norms.WeightNorm(), {'direction', 'gain', 'bias'}),
  ],
)
def test_a_layer_has_the_parameters_of_its_norm(norm, names):
  layer = hk.transform(lambda x: norms.layer_of(norm)(5)(x))
  inputs = np.ones((4, 3), np.float32)
  params = jax.eval_shape(layer.init, jax.random.PRNGKey(0), inputs)
  assert {name for module in params.values() for name in module} == names
