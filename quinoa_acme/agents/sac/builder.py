"""Builds the parts of Acme's SAC for a run."""

from acme.agents.jax import sac

from quinoa_acme.agents.common import acme_agents


class SACBuilder(acme_agents.BuilderMixin, sac.SACBuilder):
  """Acme's builder with the package's actors, and a learner that counts.

  A step of the learner then counts as an SGD step, not as a call of several.
  """
