"""Builds the parts of the SVG(0) agent, for any of Acme's layouts."""

from collections.abc import Iterator

from acme.jax import networks as networks_lib
from acme.utils import counting
import reverb

from quinoa_acme.agents.common import builder
from quinoa_acme.agents.svg0 import config as config_lib
from quinoa_acme.agents.svg0 import learning
from quinoa_acme.agents.svg0 import networks as svg0_networks


class SVG0Builder(
  builder.OffPolicyBuilder[svg0_networks.SVG0Networks, config_lib.SVG0Config]
):
  """Makes the replay, dataset, adder, actor and learner of the SVG(0) agent."""

  def make_learner(
    self,
    random_key: networks_lib.PRNGKey,
    networks: svg0_networks.SVG0Networks,
    dataset: Iterator[reverb.ReplaySample],
    replay_client: reverb.Client | None = None,
    counter: counting.Counter | None = None,
  ) -> learning.SVG0Learner:
    """Makes the learner; see `learning.SVG0Learner`."""
    del replay_client  # Priorities are never updated.
    return learning.SVG0Learner(
      networks, self._config, random_key, dataset, counter, self._logger_fn()
    )
