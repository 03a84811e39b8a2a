"""Builds the parts of Acme's D4PG, as a run needs them."""

from acme.agents.jax import d4pg

from quinoa_acme.agents.common import acme_agents


class D4PGBuilder(acme_agents.BuilderMixin, d4pg.D4PGBuilder):
  """Acme's builder, but its actors are the package's, and its learner counts.

  A step of the learner's is then an SGD step, and not a call of several.
  """
