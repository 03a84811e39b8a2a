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


_ACME_FIRST = """
import sys
# What runs at the interpreter's start imports nothing.
assert not {'acme', 'jax', 'quinoa_acme'} & set(sys.modules)
from acme.agents.jax import sac
import quinoa_acme
assert quinoa_acme.QuinoaBuilder
import jax
assert jax.xla.Device is jax.Device
"""


def test_acme_may_be_imported_first():
  subprocess.run(
    [sys.executable, '-c', _ACME_FIRST], check=True, capture_output=True
  )


_ACME_ALONE = """
import sys
# As where the package's source tree is gone.
sys.modules['quinoa_acme'] = None
import acme
"""


def test_acme_imports_where_the_package_does_not():
  subprocess.run(
    [sys.executable, '-c', _ACME_ALONE], check=True, capture_output=True
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


_IMPORT_HAIKU = """
import sys
import quinoa_acme
import haiku as hk
assert not {'flax', 'absl.testing'} & set(sys.modules)
assert issubclass(hk.experimental.flax.Module, object)
assert 'flax' in sys.modules
assert callable(hk.testing.transform_and_run)
"""


def test_haiku_imports_flax_and_its_tests_when_they_are_asked_for():
  subprocess.run(
    [sys.executable, '-c', _IMPORT_HAIKU], check=True, capture_output=True
  )


_IMPORT_HAIKU_WITHOUT_FLAX = """
import sys
sys.modules['flax'] = None
import quinoa_acme
import haiku as hk
# As inspect, and with it many packages, asks of every module.
modules = list(sys.modules.values())
files = [getattr(module, '__file__', None) for module in modules]
assert hk.__file__ in files
"""


def test_haiku_is_whole_where_there_is_no_flax():
  subprocess.run(
    [sys.executable, '-c', _IMPORT_HAIKU_WITHOUT_FLAX],
    check=True,
    capture_output=True,
  )


_IMPORT_TENSORFLOW = """
import sys
import quinoa_acme
import tensorflow as tf
assert 'keras.models' not in sys.modules
assert int(tf.constant(2)) == 2
layer = tf.keras.layers.Dense(3)
assert layer(tf.ones((2, 4))).shape == (2, 3)
assert tf.optimizers.Adam is tf.keras.optimizers.Adam
import keras
assert keras.models.Model is tf.keras.Model
"""


def test_tensorflow_imports_keras_when_it_is_asked_for():
  subprocess.run(
    [sys.executable, '-c', _IMPORT_TENSORFLOW], check=True, capture_output=True
  )


_KERAS_FIRST = """
import keras
models = keras.models
import quinoa_acme
import tensorflow as tf
import sys
assert sys.modules['keras.models'] is models
assert tf.keras.Model is models.Model
"""


@pytest.mark.slow
def test_keras_stays_where_it_was_imported_before():
  subprocess.run(
    [sys.executable, '-c', _KERAS_FIRST], check=True, capture_output=True
  )


def test_a_name_that_is_not_there_is_an_attribute_error():
  with pytest.raises(
    AttributeError, match=r"'quinoa_acme' has no .* 'nothing'"
  ):
    _ = quinoa_acme.nothing  # pyright: ignore[reportAttributeAccessIssue]
