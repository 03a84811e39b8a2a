"""How the agent acts: which network's policy, and which of its actions."""

import dataclasses

import jax.numpy as jnp

from quinoa_acme.agents.common import off_policy
from quinoa_acme.agents.common.choices import ActionChoice
from quinoa_acme.agents.common.choices import BaseMode
from quinoa_acme.agents.common.choices import Median
from quinoa_acme.agents.common.choices import MostLikely
from quinoa_acme.agents.common.choices import Sample
from quinoa_acme.agents.quinoa import networks as quinoa_networks

__all__ = (
  'ActionChoice',
  'BaseMode',
  'EvaluationNetwork',
  'Median',
  'MostLikely',
  'OnlineNetwork',
  'Sample',
  'TargetNetwork',
  'make_policy',
)


@dataclasses.dataclass(frozen=True)
class OnlineNetwork:
  """Evaluation uses the parameters of the last SGD step, as actors do.

  Examples:
    >>> network: EvaluationNetwork = OnlineNetwork()
  """


@dataclasses.dataclass(frozen=True)
class TargetNetwork:
  """Evaluation uses the target network's policy; actors use the online one's.

  With `Polyak` averaging its parameters are a mean of the last ones, without
  the noise of single SGD steps. This is not in the paper. See
  docs/decisions/0038-linear-energy.md for what it gave.

  Examples:
    >>> network: EvaluationNetwork = TargetNetwork()
  """


EvaluationNetwork = OnlineNetwork | TargetNetwork


def make_policy(
  networks: quinoa_networks.QuinoaNetworks, choice: ActionChoice = Sample()
) -> off_policy.Policy:
  """Makes a feed-forward policy, as Acme's actors take it.

  Args:
    networks: the agent's networks.
    choice: which action to take.

  Returns:
    A pure function `(params, key, observation) -> action`, batched.
  """
  policy = networks.policy
  match choice:
    case Sample():
      return policy.sample
    case BaseMode():
      return lambda params, key, observation: policy.mode(params, observation)
    case MostLikely():
      return _make_most_likely(policy, choice.num_samples)
    case Median():
      return _make_median(policy, choice.num_samples)


def _make_most_likely(
  policy: quinoa_networks.QuinoaPolicy, num_samples: int
) -> off_policy.Policy:
  def most_likely(params, key, observation):
    action, log_prob = policy.draw(params, key, observation, num_samples)
    best = jnp.argmax(log_prob, axis=0)
    return action[best, jnp.arange(best.size)]

  return most_likely


def _make_median(
  policy: quinoa_networks.QuinoaPolicy, num_samples: int
) -> off_policy.Policy:
  def median(params, key, observation):
    action, _ = policy.draw(params, key, observation, num_samples)
    return jnp.median(action, axis=0)

  return median
