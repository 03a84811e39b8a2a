"""Keeps third parties from printing before the program does."""

import logging
from typing import Any


def silence_gym() -> None:
  """Drops the notice that gym prints on import, in every process.

  dm-acme 0.4.0 imports gym for its wrappers, used or not, and each of a
  program's half-dozen processes would say that gym is unmaintained.
  """
  from gym_notices import notices

  notices.notices.clear()


def silence_mujoco() -> None:
  """Drops MuJoCo's warning about `settotalmass`; all others are logged.

  The half-cheetahs of dm_control 1.0.50 and Gymnasium have this attribute,
  which MuJoCo 3.17 calls deprecated each time one is made. The models are not
  ours to change, and the pinned MuJoCo accepts it. Remove this when
  dm_control's cheetah.xml has no `settotalmass` any more.
  """
  from absl import logging as absl_logging
  import mujoco

  own: Any = mujoco  # Its stubs lack some of its functions.
  absl_logging.get_absl_logger().addFilter(_is_of_note)
  # As dm_control does. Gymnasium leaves it to MuJoCo, which writes a file.
  own.set_mju_user_warning(absl_logging.warning)


def _is_of_note(record: logging.LogRecord) -> bool:
  return "'settotalmass' is deprecated" not in record.getMessage()
