"""Builds the parts of Acme's D4PG for a run."""

from acme.agents.jax import d4pg

from quinoa_acme.agents.common import acme_agents


class D4PGBuilder(acme_agents.BuilderMixin, d4pg.D4PGBuilder):
  """Acme's builder with the package's actors, and a learner that counts.

  A step of the learner then counts as an SGD step, not as a call of several.
  """
