"""The number of steps of a TD target, and how its trace is cut."""

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
  """Intermediate steps count in full, whatever the action was.

  Examples:
    >>> trace: Trace = UncutTrace()
  """


@dataclasses.dataclass(frozen=True)
class CutTrace:
  """A target extends past an action only as far as the policy would take it.

  Retrace (Munos et al., 2016, arXiv 1606.02647) and V-trace cut the trace of a
  multi-step target at actions that the policy no longer takes. They need the
  density under which an action was drawn. Here the policy is compared with the
  prior instead, and softly:

    c_k = exp(min(D(a_k, s_k), 0) / (scale A))

  with A the number of action dimensions. If an action is at least as likely as
  under the prior, the trace continues. If it is far less likely, V(s_k)
  replaces what followed it. This is not in the paper.

  Attributes:
    scale: an action that is `scale` nats per action dimension less likely than
      under the prior counts by a factor of 1 / e.

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
  """y over n steps, with the soft terms of the intermediate steps.

  y = r_0 + sum_k gamma^k (r_k - alpha D(a_k, s_k)) + gamma^n V'(s_n) over
  k = 1 ... n - 1, with D of the learned policy: -alpha D is the reward of the
  soft problem. With critics, their soft value at an action sampled in s_n
  replaces V'(s_n). Near an episode's end, n is the number of steps left.

  The intermediate actions are those of older policies; `trace` says whether
  that is corrected for. Each transition must hold its n steps one by one, as a
  `transitions.Window`. Parts of Acme that rewrite samples, such as
  `NormalizationBuilder` and `AILBuilder`, change only the first step, so the
  learner refuses them: use `OneStep` with them. This is not in the paper. See
  docs/decisions/0017-returns.md.

  Attributes:
    num_steps: n, at least 2.
    trace: how much an intermediate action counts.

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
  """The number n of steps of a target.

  Examples:
    >>> num_steps(SoftReturn(num_steps=5))
    5
  """
  return 1 if isinstance(choice, OneStep) else choice.num_steps
