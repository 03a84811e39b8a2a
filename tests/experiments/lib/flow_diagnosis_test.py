"""The flows that are judged."""

import pytest

from experiments.lib import flow_diagnosis


def test_a_flow_of_another_name_is_refused_with_the_nearest():
  flow_diagnosis.check_candidates(list(flow_diagnosis.FLOWS))
  with pytest.raises(ValueError, match="unknown 'energi'; did you mean"):
    flow_diagnosis.check_candidates(['tilted', 'energi'])
