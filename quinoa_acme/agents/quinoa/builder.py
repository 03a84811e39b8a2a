"""Builds the parts of the Quinoa agent, for any of Acme's layouts."""

from collections.abc import Iterator

from acme.jax import networks as networks_lib
from acme.utils import counting
import reverb

from quinoa_acme.agents.common import builder
from quinoa_acme.agents.quinoa import config as config_lib
from quinoa_acme.agents.quinoa import learning
from quinoa_acme.agents.quinoa import networks as quinoa_networks


class QuinoaBuilder(
  builder.OffPolicyBuilder[
    quinoa_networks.QuinoaNetworks, config_lib.QuinoaConfig
  ]
):
  """Makes the replay, dataset, adder, actor and learner of the Quinoa agent."""

  def make_learner(
    self,
    random_key: networks_lib.PRNGKey,
    networks: quinoa_networks.QuinoaNetworks,
    dataset: Iterator[reverb.ReplaySample],
    replay_client: reverb.Client | None = None,
    counter: counting.Counter | None = None,
  ) -> learning.QuinoaLearner:
    """Makes the learner; see `learning.QuinoaLearner`."""
    del replay_client  # Priorities are never updated.
    return learning.QuinoaLearner(
      networks=networks,
      config=self._config,
      random_key=random_key,
      dataset=dataset,
      counter=counter,
      logger=self._logger_fn(),
    )
