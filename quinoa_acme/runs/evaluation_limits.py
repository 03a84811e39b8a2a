"""The longest episode of an evaluation, and what happens beyond it.

An evaluation consists of whole episodes. If the environment never ends one, or
the policy keeps it from ending, the evaluation would never end.
"""

from collections.abc import Callable, Mapping
import dataclasses
from typing import Any

from quinoa_acme.environments import action_repeat as action_repeat_lib
from quinoa_acme.utils import options
from quinoa_acme.utils import validation


@dataclasses.dataclass(frozen=True)
class TruncateAfter:
  """Ends a longer episode, which counts with its return so far.

  Attributes:
    num_steps: the longest an episode may be, in steps.
  """

  num_steps: int = 10_000

  def __post_init__(self):
    validation.check_whole(self, 'num_steps')


@dataclasses.dataclass(frozen=True)
class FailAfter:
  """Ends the run with an error if an episode is longer.

  Attributes:
    num_steps: the longest an episode may be, in steps.
  """

  num_steps: int = 10_000

  def __post_init__(self):
    validation.check_whole(self, 'num_steps')


Option = TruncateAfter | FailAfter


def read(described: Mapping[str, Any]) -> Option:
  """Reads the limit from a run's `ExperimentConfig.describe`."""
  plain = described.get('evaluation_limit')
  # A run of an earlier version has no limit.
  return TruncateAfter() if plain is None else options.from_plain(plain, Option)


class EndlessEpisodeError(RuntimeError):
  """An episode of an evaluation exceeded its largest number of steps."""


def is_over(
  limit: Option,
  num_steps: int,
  warn: Callable[[str], None],
  action_repeat: int = 1,
) -> bool:
  """Whether to end an unfinished episode.

  Args:
    limit: the limit.
    num_steps: the episode's number of steps.
    warn: called with a message if the episode is to end.
    action_repeat: frames in a step, for the message.

  Returns:
    Whether to end it.

  Raises:
    EndlessEpisodeError: if it has reached a limit that is an error.
  """
  if num_steps < limit.num_steps:
    return False
  steps = action_repeat_lib.describe_steps(num_steps, action_repeat)
  found = (
    f'An episode of an evaluation has not ended within {steps}, the limit that '
    'evaluation_limit gives.'
  )
  match limit:
    case FailAfter():
      raise EndlessEpisodeError(
        f'{found} If episodes may be this long, raise it; if they have no end, '
        'let the environment end them, or take '
        f'evaluation_limit=TruncateAfter({limit.num_steps}).'
      )
    case TruncateAfter():
      warn(
        f'{found} It is ended there and counts with its return so far; '
        'so do further ones. If episodes may be this long, raise the limit.'
      )
  return True
