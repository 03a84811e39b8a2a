"""How the agent acts: a sample of the policy, or one of two greedy actions."""

import dataclasses

import jax.numpy as jnp

from quinoa_acme import validation
from quinoa_acme.agents import off_policy
from quinoa_acme.agents.quinoa import networks as quinoa_networks


@dataclasses.dataclass(frozen=True)
class Sample:
  """A sample of the policy; line 4 of Algorithm 1, and how actors act."""


@dataclasses.dataclass(frozen=True)
class BaseMode:
  """The image of the base's mode, which is not in general the policy's mode."""


@dataclasses.dataclass(frozen=True)
class MostLikely:
  """The most likely of several samples of the policy.

  Attributes:
    num_samples: how many are drawn a state.
  """

  num_samples: int = 16

  def __post_init__(self):
    validation.check_whole(self, 'num_samples')


ActionChoice = Sample | BaseMode | MostLikely


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


def _make_most_likely(
  policy: quinoa_networks.QuinoaPolicy, num_samples: int
) -> off_policy.Policy:
  def most_likely(params, key, observation):
    action, log_prob = policy.sample_and_log_prob(
      params, key, observation, num_samples
    )
    best = jnp.argmax(log_prob, axis=0)
    return action[best, jnp.arange(best.size)]

  return most_likely
