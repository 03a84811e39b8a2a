"""Builds the parts of the Quinoa agent, for any of Acme's layouts."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from quinoa_acme.agents.common import builder
from quinoa_acme.agents.quinoa import config as config_lib
from quinoa_acme.agents.quinoa import learning
from quinoa_acme.agents.quinoa import networks as quinoa_networks
from quinoa_acme.data import replay as replay_lib
from quinoa_acme.utils import common_types as types
from quinoa_acme.utils import counting

if TYPE_CHECKING:
  import reverb


class QuinoaBuilder(
  builder.OffPolicyBuilder[
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
