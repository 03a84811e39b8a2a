"""The SVG(0) learner: the learner of all agents, running its update step."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import jax

from quinoa_acme.agents.common import builder as builder_lib
from quinoa_acme.agents.common import learning
from quinoa_acme.agents.svg0 import config as config_lib
from quinoa_acme.agents.svg0 import networks as svg0_networks
from quinoa_acme.agents.svg0 import update as update_lib
from quinoa_acme.data import replay as replay_lib
from quinoa_acme.utils import common_types as types
from quinoa_acme.utils import core
from quinoa_acme.utils import counting

if TYPE_CHECKING:
  import reverb


class SVG0Learner(learning.OffPolicyLearner[update_lib.TrainingState]):
  """Connects the pure update step to data, counters and logs.

  `get_variables` offers 'policy' and 'critic'.
  """

  def __init__(
    self,
    networks: svg0_networks.SVG0Networks,
    config: config_lib.SVG0Config,
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

    def initial_state(key):
      return update_lib.make_initial_state(networks, config, key)

    super().__init__(
      learning.Algorithm(
        update_step=update_lib.make_update_step(networks, config),
        published=lambda state: state.params._asdict(),
        initialise_from=None,
        remedies='lower the learning rates, or raise the least scale',
      ),
      jax.jit(initial_state)(random_key),
      config,
      dataset,
      counter,
      logger,
    )


class SVG0Builder(
  builder_lib.OffPolicyBuilder[
    svg0_networks.SVG0Networks, config_lib.SVG0Config
  ]
):
  """Makes the replay, dataset, adder, actor and learner of the SVG(0) agent."""

  def make_learner(
    self,
    random_key: types.PRNGKey,
    networks: svg0_networks.SVG0Networks,
    dataset: Iterator[replay_lib.Sample],
    replay_client: 'reverb.Client | None' = None,
    counter: counting.AnyCounter | None = None,
  ) -> SVG0Learner:
    """Makes the learner; see `SVG0Learner`."""
    del replay_client  # Priorities are never updated.
    return SVG0Learner(
      networks, self._config, random_key, dataset, counter, self._logger_fn()
    )
