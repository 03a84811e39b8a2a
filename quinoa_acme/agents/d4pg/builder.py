"""Builds the parts of Acme's D4PG, with a learner that counts SGD steps."""

from collections.abc import Iterator

from acme.agents.jax import d4pg
from acme.jax import networks as networks_lib
from acme.utils import counting
import reverb

from quinoa_acme.agents import acme_agents


class D4PGBuilder(acme_agents.ActorsMixin, d4pg.D4PGBuilder):
  """Acme's builder, but its actors are the package's, and its learner counts.

  A step of the learner's is then an SGD step, and not a call of several.
  """

  def make_learner(
    self,
    random_key: networks_lib.PRNGKey,
    networks: d4pg.D4PGNetworks,
    dataset: Iterator[reverb.ReplaySample],
    replay_client: reverb.Client | None = None,
    counter: counting.Counter | None = None,
  ) -> acme_agents.CountedLearner:
    """Makes Acme's learner."""
    make_learner = super().make_learner
    return acme_agents.CountedLearner(
      lambda calls: make_learner(
        random_key, networks, dataset, replay_client, calls
      ),
      counter,
      self._config.num_sgd_steps_per_step,
    )
