"""Array specs come back from JSON as they were."""

import json

from dm_env import specs as dm_env_specs
import numpy as np
import pytest

from quinoa_acme.environments import spec_json
from quinoa_acme.utils import specs


def test_nested_specs_come_back(make_spec):
  observations = {
    'image': specs.BoundedArray((2, 2), np.uint8, 0, 255, 'image'),
    'parts': (
      specs.Array((), np.int64, 'count'),
      specs.BoundedArray((3,), np.float32, [-np.inf, 0, 1], np.inf),
    ),
  }
  spec = make_spec(observations)
  plain = json.loads(json.dumps(spec_json.to_plain(spec)))
  assert spec_json.from_plain(plain) == tuple(spec)


def test_what_is_no_array_of_numbers_is_refused(make_spec):
  spec = make_spec({'word': dm_env_specs.StringArray(())})
  with pytest.raises(ValueError, match='expected the spec of an array'):
    spec_json.to_plain(spec)
