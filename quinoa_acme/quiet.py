"""Keeps third parties from talking before the program does."""

from gym_notices import notices


def silence_gym() -> None:
  """Drops the notice that gym prints on import, in every process.

  dm-acme 0.4.0 imports gym for its wrappers, whether they are used or not, and
  each of a program's half-dozen processes would say that gym is unmaintained.
  """
  notices.notices.clear()
