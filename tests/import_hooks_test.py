"""The package imports nothing by itself, and prepares for what comes."""

import subprocess
import sys

import pytest

import quinoa_acme

_IMPORT = """
import sys
before = set(sys.modules)
import quinoa_acme
imported = {name.split('.')[0] for name in set(sys.modules) - before}
assert not imported & {'jax', 'numpy', 'haiku', 'acme', 'gym_notices'}, imported
import jax
assert not hasattr(jax, 'xla')
import acme.jax
assert jax.xla.Device is jax.Device
from gym_notices import notices
assert 'gym' not in sys.modules or not notices.notices
import gym
assert not notices.notices
"""


def test_what_third_parties_need_is_done_just_before_they_are_imported():
  subprocess.run(
    [sys.executable, '-c', _IMPORT], check=True, capture_output=True
  )


_IMPORT_DISTRAX = """
import sys
import quinoa_acme
import distrax
assert 'tensorflow' not in sys.modules
distribution = distrax.Normal(0.0, 1.0)
assert distribution.prob(0.0) > 0.39
import tensorflow
assert int(tensorflow.constant(2)) == 2
"""


@pytest.mark.slow
def test_distrax_comes_without_tensorflow_which_is_there_all_the_same():
  subprocess.run(
    [sys.executable, '-c', _IMPORT_DISTRAX], check=True, capture_output=True
  )


def test_a_name_that_is_not_there_is_an_attribute_error():
  with pytest.raises(
    AttributeError, match=r"'quinoa_acme' has no .* 'nothing'"
  ):
    _ = quinoa_acme.nothing  # pyright: ignore[reportAttributeAccessIssue]
