"""The Quinoa learner: the learner of all agents, running Algorithm 2."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import jax
import numpy as np

from quinoa_acme.agents.common import builder as builder_lib
from quinoa_acme.agents.common import learning
from quinoa_acme.agents.quinoa import config as config_lib
from quinoa_acme.agents.quinoa import networks as quinoa_networks
from quinoa_acme.agents.quinoa import training_state
from quinoa_acme.agents.quinoa import update as update_lib
from quinoa_acme.data import replay as replay_lib
from quinoa_acme.utils import common_types as types
from quinoa_acme.utils import core
from quinoa_acme.utils import counting

if TYPE_CHECKING:
  import reverb


class QuinoaLearner(learning.OffPolicyLearner[training_state.TrainingState]):
  """Connects the pure update step to data, counters and logs.

  `get_variables` offers 'value', and as `PolicyVariables` 'policy' and
  'evaluation_policy'. It does not offer the critics: no actor uses them.
  """

  def __init__(
    self,
    networks: quinoa_networks.QuinoaNetworks,
    config: config_lib.QuinoaConfig,
    random_key: types.PRNGKey,
    dataset: Iterator[replay_lib.Sample],
    counter: counting.AnyCounter | None = None,
    logger: core.Logger | None = None,
  ):
    """Makes the learner.

    Args:
      networks: the networks.
      config: the agent's options.
      random_key: the learner's random key.
      dataset: samples whose data are transitions with leaves
        [num_sgd_steps_per_step * batch_size, ...].
      counter: counts steps (SGD steps) and walltime.
      logger: receives the metrics of each call.
    """

    @jax.jit
    def initial_state(observation, action):
      return training_state.make_initial_state(
        networks, config, random_key, observation, action
      )

    def initialise_from(
      batch: types.Transition,
    ) -> training_state.TrainingState:
      """The initial state, with statistics from the batch (section 4)."""
      return initial_state(batch.observation, batch.action)

    # As large as the first real batch, so that it compiles only once.
    example = jax.tree_util.tree_map(
      lambda x: np.repeat(x, config.batch_size, axis=0),
      (networks.example_observation, networks.example_action),
    )
    super().__init__(
      learning.Algorithm(
        update_step=update_lib.make_update_step(networks, config),
        published=lambda state: {
          'policy': training_state.policy_of(state),
          'evaluation_policy': training_state.evaluation_policy_of(
            config, state
          ),
          'value': state.params.value,
        },
        initialise_from=initialise_from,
        remedies=(
          'lower learning_rate, or bound the flow or the temperature more '
          'tightly'
        ),
      ),
      initial_state(*example),
      config,
      dataset,
      counter,
      logger,
    )


class QuinoaBuilder(
  builder_lib.OffPolicyBuilder[
    quinoa_networks.QuinoaNetworks, config_lib.QuinoaConfig
  ]
):
  """Makes the replay, dataset, adder, actor and learner of the Quinoa agent."""

  def make_learner(
    self,
    random_key: types.PRNGKey,
    networks: quinoa_networks.QuinoaNetworks,
    dataset: Iterator[replay_lib.Sample],
    replay_client: 'reverb.Client | None' = None,
    counter: counting.AnyCounter | None = None,
  ) -> QuinoaLearner:
    """Makes the learner; see `QuinoaLearner`."""
    del replay_client  # Priorities are never updated.
    return QuinoaLearner(
      networks=networks,
      config=self._config,
      random_key=random_key,
      dataset=dataset,
      counter=counter,
      logger=self._logger_fn(),
    )
