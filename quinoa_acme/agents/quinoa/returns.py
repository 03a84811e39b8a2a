"""Over how many steps a TD target is."""

import dataclasses

from quinoa_acme.utils import validation


@dataclasses.dataclass(frozen=True)
class OneStep:
  """y = r + gamma V'(s'); equation 3 of the paper.

  Examples:
    >>> num_steps(OneStep())
    1
  """


@dataclasses.dataclass(frozen=True)
class UncutTrace:
  """The steps between count in full, whatever the action was.

  Examples:
    >>> trace: Trace = UncutTrace()
  """


@dataclasses.dataclass(frozen=True)
class CutTrace:
  """A target goes on past an action only as far as the policy would take it.

  Retrace (Munos et al., 2016, arXiv 1606.02647) and V-trace cut the trace of a
  multi-step target at actions that the policy has left behind. They ask for the
  density under which the action was drawn. Here it is the prior's that the
  policy's is compared with, and softly:

    c_k = exp(min(D(a_k, s_k), 0) / (scale A))

  with A the number of action dimensions. Where an action is as likely as under
  the prior, or more, the trace goes on; where it is far less likely, V(s_k)
  takes the place of what came of it. This is not in the paper.

  Attributes:
    scale: how many nats for each dimension of the action an action may be less
      likely than under the prior, until it counts by a factor of 1 / e.

  Examples:
    >>> SoftReturn(trace=CutTrace(scale=2.0)).trace
    CutTrace(scale=2.0)
  """

  scale: float = 0.8

  def __post_init__(self):
    validation.check_positive(self, 'scale')


Trace = UncutTrace | CutTrace


@dataclasses.dataclass(frozen=True)
class SoftReturn:
  """y over n steps, with the soft terms of the steps between.

  y = r_0 + sum_k gamma^k (r_k - alpha D(a_k, s_k)) + gamma^n V'(s_n) over
  k = 1 ... n - 1, with D of the policy that is being learnt: -alpha D is the
  reward of the soft problem. With critics, what they and a fresh action give at
  s_n takes the place of V'. At an episode's end n is what is left of it.

  The actions between are those of older policies; `trace` says whether that is
  corrected for. It needs transitions that hold the steps one by one, a
  `transitions.Window` each. Parts of Acme's that rewrite samples, as
  `NormalizationBuilder` and `AILBuilder` do, know of the first step alone, and
  are refused: `OneStep` goes with them.
  This is not in the paper. See docs/decisions/0017-returns.md.

  Attributes:
    num_steps: n, at least 2.
    trace: how much an action between counts.

  Examples:
    >>> num_steps(SoftReturn(num_steps=3))
    3
  """

  num_steps: int = 3
  trace: Trace = UncutTrace()

  def __post_init__(self):
    validation.check_whole(self, 'num_steps', least=2)


Return = OneStep | SoftReturn


def num_steps(choice: Return) -> int:
  """The steps n of a target.

  Examples:
    >>> num_steps(SoftReturn(num_steps=5))
    5
  """
  return 1 if isinstance(choice, OneStep) else choice.num_steps
