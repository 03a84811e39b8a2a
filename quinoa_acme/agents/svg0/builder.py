"""Builds the parts of the SVG(0) agent, for any of Acme's layouts."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from quinoa_acme.agents.common import builder
from quinoa_acme.agents.svg0 import config as config_lib
from quinoa_acme.agents.svg0 import learning
from quinoa_acme.agents.svg0 import networks as svg0_networks
from quinoa_acme.data import replay as replay_lib
from quinoa_acme.utils import common_types as types
from quinoa_acme.utils import counting

if TYPE_CHECKING:
  import reverb


class SVG0Builder(
  builder.OffPolicyBuilder[svg0_networks.SVG0Networks, config_lib.SVG0Config]
):
  """Makes the replay, dataset, adder, actor and learner of the SVG(0) agent."""

  def make_learner(
    self,
    random_key: types.PRNGKey,
    networks: svg0_networks.SVG0Networks,
    dataset: Iterator[replay_lib.Sample],
    replay_client: 'reverb.Client | None' = None,
    counter: counting.AnyCounter | None = None,
  ) -> learning.SVG0Learner:
    """Makes the learner; see `learning.SVG0Learner`."""
    del replay_client  # Priorities are never updated.
    return learning.SVG0Learner(
      networks, self._config, random_key, dataset, counter, self._logger_fn()
    )
