"""What Vertex AI needs is looked for before anything is built.

What it says of each that is lacking is in `launching_test.py`.
"""

import pytest

from quinoa_acme.runs.distributed.vertex_ai import readiness


@pytest.mark.parametrize('workdir', ['runs/mine', '/gcs/bucket', '/tmp/x/y/z'])
def test_a_workdir_that_nodes_do_not_share_is_refused(workdir, account):
  with pytest.raises(readiness.VertexAIError, match='/gcs/<bucket>/<folder>'):
    readiness.check_ready(workdir)
