"""Tests of how a command line names an action."""

import pytest

from quinoa_acme.agents.common import choices


@pytest.mark.parametrize(
  ('text', 'choice'),
  [
    ('sample', choices.Sample()),
    ('mode', choices.BaseMode()),
    ('argmax', choices.MostLikely()),
    ('MostLikely(64)', choices.MostLikely(64)),
    ('BaseMode', choices.BaseMode()),
    ('Median(5)', choices.Median(5)),
  ],
)
def test_a_choice_is_read(text, choice):
  assert choices.parse(text) == choice


@pytest.mark.parametrize(
  ('text', 'message'),
  [
    ('argmx', "unknown mode 'argmx'; did you mean 'argmax'"),
    ('3', 'expected one of Sample, BaseMode, MostLikely, Median, not 3'),
    ('MostLikely(0)', 'num_samples must be a whole number'),
  ],
)
def test_another_text_says_what_there_is(text, message):
  with pytest.raises(ValueError, match=message):
    choices.parse(text)
