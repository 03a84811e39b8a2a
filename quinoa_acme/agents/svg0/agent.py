"""The SVG(0) agent, in the form that a run uses."""

from collections.abc import Callable
import dataclasses
from typing import NamedTuple, TYPE_CHECKING

import jax
import numpy as np

from quinoa_acme.agents.common import choices
from quinoa_acme.agents.common import off_policy
from quinoa_acme.agents.svg0 import config as config_lib
from quinoa_acme.agents.svg0 import networks as networks_lib
from quinoa_acme.utils import common_types as types

if TYPE_CHECKING:
  from quinoa_acme.agents.svg0 import learning
  from quinoa_acme.utils import core


class _SavedParams(NamedTuple):
  """The part of `update.Params` that acting needs."""

  policy: types.Params


class _SavedState(NamedTuple):
  """The part of `update.TrainingState` that acting needs."""

  params: _SavedParams
  steps: jax.ShapeDtypeStruct


@dataclasses.dataclass(frozen=True)
class SVG0Agent:
  """SVG(0); an `off_policy.OffPolicyAgent`.

  Attributes:
    config: the options.
  """

  config: config_lib.SVG0Config

  @property
  def evaluation(self) -> str:
    """The action to take in evaluation."""
    return str(self.config.evaluation_policy)

  def make_networks(
    self, spec: types.EnvironmentSpec
  ) -> networks_lib.SVG0Networks:
    """Makes the networks that the options describe."""
    return networks_lib.make_networks(
      spec,
      policy=self.config.policy,
      critic_hidden_sizes=self.config.critic_hidden_sizes,
    )

  def make_builder(
    self,
    spec: types.EnvironmentSpec,
    logger_fn: 'Callable[[], core.Logger] | None' = None,
  ) -> 'learning.SVG0Builder':
    """Makes the builder of replay, actor and learner."""
    # Imported here, because acting alone needs none of what this imports.
    from quinoa_acme.agents.svg0 import learning

    del spec
    if logger_fn is None:
      return learning.SVG0Builder(self.config)
    return learning.SVG0Builder(self.config, logger_fn)

  def make_policy(
    self,
    networks: networks_lib.SVG0Networks,
    choice: choices.ActionChoice = choices.Sample(),
  ) -> off_policy.Policy:
    """Makes a policy; actors use the default, a sample.

    Raises:
      ValueError: if the choice is neither a sample nor the mode.
    """
    match choice:
      case choices.Sample():
        return networks.policy.sample
      case choices.BaseMode():
        mode = networks.policy.mode
        return lambda params, key, observation: mode(params, observation)
    raise ValueError(
      f'SVG(0) acts by Sample() or BaseMode(), its mode, not by {choice}.'
    )

  def make_evaluation_policy(
    self, networks: networks_lib.SVG0Networks
  ) -> off_policy.Policy:
    """Makes the policy for evaluation, as the options say."""
    return self.make_policy(networks, self.config.evaluation_policy)

  def make_log_prob(
    self, networks: networks_lib.SVG0Networks
  ) -> off_policy.LogProb:
    """Makes the policy's log-density; see `off_policy.LogProb`."""
    return networks.policy.log_prob

  def saved_policy(
    self, networks: networks_lib.SVG0Networks
  ) -> off_policy.SavedPolicy:
    """Describes where the policy lies in an `update.TrainingState`."""
    params = jax.eval_shape(
      networks.policy.init, jax.random.PRNGKey(0), networks.example_observation
    )
    return off_policy.SavedPolicy(
      like=_SavedState(
        _SavedParams(params), steps=jax.ShapeDtypeStruct((), np.int32)
      ),
      as_params=lambda state: state.params.policy,
    )
