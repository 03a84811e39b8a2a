"""The Quinoa agent, in the form that a run uses."""

from collections.abc import Callable
import dataclasses
import functools
from typing import NamedTuple, TYPE_CHECKING

import jax
import numpy as np

from quinoa_acme.agents.common import choices
from quinoa_acme.agents.common import observations as observations_lib
from quinoa_acme.agents.common import off_policy
from quinoa_acme.agents.quinoa import acting
from quinoa_acme.agents.quinoa import config as config_lib
from quinoa_acme.agents.quinoa import fit as fit_lib
from quinoa_acme.agents.quinoa import networks as networks_lib
from quinoa_acme.utils import common_types as types

if TYPE_CHECKING:
  from quinoa_acme.agents.quinoa import learning
  from quinoa_acme.utils import core


class _Saved(NamedTuple):
  """The part that acting needs of `optimizer.Params`, or of `SlowQ`."""

  policy: types.Params


class _OnlineState(NamedTuple):
  """The part of `TrainingState` that acting by the online network needs."""

  params: _Saved
  temperature: jax.ShapeDtypeStruct
  steps: jax.ShapeDtypeStruct
  statistics: observations_lib.Statistics | None


class _TargetState(NamedTuple):
  """The part of `TrainingState` that acting by the target network needs."""

  target: _Saved
  temperature: jax.ShapeDtypeStruct
  steps: jax.ShapeDtypeStruct
  statistics: observations_lib.Statistics | None


@dataclasses.dataclass(frozen=True)
class QuinoaAgent:
  """Quinoa; an `off_policy.OffPolicyAgent`.

  Attributes:
    config: the options.
  """

  config: config_lib.QuinoaConfig

  @property
  def evaluation(self) -> str:
    """The action to take in evaluation, and of which network."""
    choice = str(self.config.evaluation_policy)
    match self.config.evaluation_network:
      case acting.OnlineNetwork():
        return choice
      case acting.TargetNetwork():
        return f'{choice} of the target network'

  def make_networks(
    self, spec: types.EnvironmentSpec
  ) -> networks_lib.QuinoaNetworks:
    """Makes the networks that the options describe."""
    config = self.config
    critic = {}
    if isinstance(config.fit, fit_lib.CriticFit):
      critic['critic_hidden_sizes'] = config.fit.hidden_sizes
      critic['critic_norm'] = config.fit.norm
    return networks_lib.make_networks(
      spec,
      flow=config.flow,
      value_hidden_sizes=config.value_hidden_sizes,
      value_norm=config.value_norm,
      **critic,
    )

  def make_builder(
    self,
    spec: types.EnvironmentSpec,
    logger_fn: 'Callable[[], core.Logger] | None' = None,
  ) -> 'learning.QuinoaBuilder':
    """Makes the builder of replay, actor and learner."""
    # Imported here, because acting alone needs none of what this imports.
    from quinoa_acme.agents.quinoa import learning

    del spec
    if logger_fn is None:
      return learning.QuinoaBuilder(self.config)
    return learning.QuinoaBuilder(self.config, logger_fn)

  def make_policy(
    self,
    networks: networks_lib.QuinoaNetworks,
    choice: choices.ActionChoice = choices.Sample(),
  ) -> off_policy.Policy:
    """Makes the actors' policy, which samples an action."""
    return acting.make_policy(networks, choice)

  def make_evaluation_policy(
    self, networks: networks_lib.QuinoaNetworks
  ) -> off_policy.Policy:
    """Makes the policy for evaluation, as the options say."""
    return acting.make_policy(networks, self.config.evaluation_policy)

  def make_log_prob(
    self, networks: networks_lib.QuinoaNetworks
  ) -> off_policy.LogProb:
    """Makes the policy's log-density; see `off_policy.LogProb`."""
    return networks.policy.log_prob

  def saved_policy(
    self, networks: networks_lib.QuinoaNetworks
  ) -> off_policy.SavedPolicy:
    """Describes where the evaluated policy lies in a `TrainingState`."""
    params = jax.eval_shape(
      networks.policy.init,
      jax.random.PRNGKey(0),
      networks.example_observation,
      networks.example_action,
    )
    is_online = isinstance(self.config.evaluation_network, acting.OnlineNetwork)
    kind = _OnlineState if is_online else _TargetState
    return off_policy.SavedPolicy(
      like=kind(
        _Saved(params),
        temperature=jax.ShapeDtypeStruct((), np.float32),
        steps=jax.ShapeDtypeStruct((), np.int32),
        statistics=jax.eval_shape(
          functools.partial(observations_lib.initial, self.config.observations),
          networks.example_observation,
        ),
      ),
      # The policy is in the first field, whichever network acts.
      as_params=lambda state: networks_lib.PolicyVariables(
        state[0].policy, state.temperature, state.statistics
      ),
      variables='evaluation_policy',
    )
