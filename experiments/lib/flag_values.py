"""What flags hold that absl has no kind of flag for."""

from collections.abc import Sequence


def read_numbers(name: str, texts: Sequence[str]) -> list[int]:
  """Reads a list of numbers.

  Args:
    name: of the flag.
    texts: its values.

  Returns:
    The numbers, at least one.

  Raises:
    ValueError: if there is none, or one is no whole number of at least 1.
  """
  if not texts or not all(text.isdecimal() and int(text) for text in texts):
    raise ValueError(
      f'--{name}={",".join(texts)}: expected whole numbers of at least 1, with '
      'commas between.'
    )
  return [int(text) for text in texts]
