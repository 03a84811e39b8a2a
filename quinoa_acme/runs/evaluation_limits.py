"""How long an episode of an evaluation may be, and what is done about it.

An evaluation is of whole episodes. One in an environment whose episodes do not
end, or whose policy keeps them from ending, would not come to an end itself.
"""

from collections.abc import Callable, Mapping
import dataclasses
from typing import Any

from quinoa_acme.utils import options
from quinoa_acme.utils import validation


@dataclasses.dataclass(frozen=True)
class TruncateAfter:
  """An episode that has not ended is ended, and counts with its return so far.

  Attributes:
    num_steps: the steps after which it is.
  """

  num_steps: int = 10_000

  def __post_init__(self):
    validation.check_whole(self, 'num_steps')


@dataclasses.dataclass(frozen=True)
class FailAfter:
  """An episode that has not ended ends the run, with an error.

  Attributes:
    num_steps: the steps after which it does.
  """

  num_steps: int = 10_000

  def __post_init__(self):
    validation.check_whole(self, 'num_steps')


Option = TruncateAfter | FailAfter


def read(described: Mapping[str, Any]) -> Option:
  """The limit of a run, from what `ExperimentConfig.describe` gave."""
  plain = described.get('evaluation_limit')
  # A run of an earlier version has none.
  return TruncateAfter() if plain is None else options.from_plain(plain, Option)


class EndlessEpisodeError(RuntimeError):
  """An episode of an evaluation has not ended within the steps it may take."""


def is_over(limit: Option, num_steps: int, warn: Callable[[str], None]) -> bool:
  """Whether an episode that has not ended is to be ended.

  Args:
    limit: how long it may be.
    num_steps: how long it is.
    warn: is told of an episode that is to be ended.

  Returns:
    Whether it is.

  Raises:
    EndlessEpisodeError: if it has come to a limit that is an error.
  """
  if num_steps < limit.num_steps:
    return False
  found = (
    f'An episode of an evaluation has not ended within {num_steps:,} steps, '
    'the limit that evaluation_limit gives.'
  )
  match limit:
    case FailAfter():
      raise EndlessEpisodeError(
        f'{found} If episodes may be as long, raise it; if they have no end, '
        'let the environment end them, or take '
        f'evaluation_limit=TruncateAfter({limit.num_steps}).'
      )
    case TruncateAfter():
      warn(
        f'{found} It is ended there, and its return is that of so many steps; '
        'so are further ones. If episodes may be as long, raise the limit.'
      )
  return True
