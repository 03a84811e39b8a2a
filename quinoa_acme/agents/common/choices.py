"""Which action of a policy to take: a sample, or a greedy one."""

import dataclasses

from quinoa_acme.utils import options
from quinoa_acme.utils import validation


@dataclasses.dataclass(frozen=True)
class Sample:
  """A sample of the policy; line 4 of Algorithm 1, and how actors act.

  Examples:
    >>> choice: ActionChoice = Sample()
  """


@dataclasses.dataclass(frozen=True)
class BaseMode:
  """The image of the base's mode; in general not the policy's mode.

  Examples:
    >>> BY_NAME['mode'] == BaseMode()
    True
  """


@dataclasses.dataclass(frozen=True)
class MostLikely:
  """The most likely of several samples of the policy.

  Attributes:
    num_samples: number of samples per state.

  Examples:
    >>> MostLikely(num_samples=0)
    Traceback (most recent call last):
    ValueError: num_samples must be a whole number of at least 1, but is 0.
  """

  num_samples: int = 16

  def __post_init__(self):
    validation.check_whole(self, 'num_samples')


@dataclasses.dataclass(frozen=True)
class Median:
  """The median of several samples of the policy, in each dimension.

  It keeps to the policy's middle and leaves out the noise of single samples. In
  a policy of several modes it may lie between them.

  Attributes:
    num_samples: number of samples per state.

  Examples:
    >>> Median(num_samples=0)
    Traceback (most recent call last):
    ValueError: num_samples must be a whole number of at least 1, but is 0.
  """

  num_samples: int = 9

  def __post_init__(self):
    validation.check_whole(self, 'num_samples')


ActionChoice = Sample | BaseMode | MostLikely | Median

# Their names on a command line.
BY_NAME: dict[str, ActionChoice] = {
  'sample': Sample(),
  'mode': BaseMode(),
  'argmax': MostLikely(),
}


def parse(text: str) -> ActionChoice:
  """Reads a choice from a command line.

  Args:
    text: a key of `BY_NAME`, or an option as in Python, e.g. 'MostLikely(64)'.

  Returns:
    The choice.

  Raises:
    ValueError: if it is neither; the message suggests the nearest.
  """
  if text in BY_NAME:
    return BY_NAME[text]
  try:
    return options.parse(text, ActionChoice)
  except ValueError:
    if not text.isidentifier():
      raise
    raise ValueError(
      f'unknown mode {text!r}{options.suggest(text, list(BY_NAME))} There are '
      f'{", ".join(BY_NAME)}.'
    ) from None
