"""Tests of what third parties do not print."""

import logging
import subprocess
import sys

import pytest

from quinoa_acme.compat import quiet


@pytest.mark.parametrize(
  ('text', 'is_kept'),
  [
    ("attribute 'settotalmass' is deprecated", False),
    ('settotalmass: 14', True),
    ('Nan, Inf or huge value in QACC', True),
  ],
)
def test_one_warning_of_mujocos_is_dropped(text, is_kept):
  record = logging.LogRecord('absl', logging.WARNING, '', 0, text, (), None)
  assert quiet._is_of_note(record) == is_kept


def test_gym_has_no_notice():
  code = (
    'from gym_notices import notices\n'
    'assert notices.notices\n'
    'from quinoa_acme.compat import quiet\n'
    'quiet.silence_gym()\n'
    'assert not notices.notices\n'
  )
  subprocess.run([sys.executable, '-c', code], check=True)
