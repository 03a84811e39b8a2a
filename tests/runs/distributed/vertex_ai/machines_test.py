"""Machines that Vertex AI does not have are refused."""

import pytest

from quinoa_acme.runs.distributed import vertex_ai


@pytest.mark.parametrize(
  ('machines', 'message'),
  [
    (lambda: vertex_ai.Machine(0, 4), 'cpus must be a whole number'),
    (lambda: vertex_ai.Machine(2, 4, 'h100'), 'gpu must be one of p4, t4'),
    (
      lambda: vertex_ai.Machines(workers=vertex_ai.Machine(2, 4, 't4')),
      'workers must have no gpu',
    ),
  ],
)
def test_machines_that_can_not_be(machines, message):
  with pytest.raises(ValueError, match=message):
    machines()
