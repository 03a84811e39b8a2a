"""Builds the parts of Acme's SAC, as a run needs them."""

from acme.agents.jax import sac

from quinoa_acme.agents.common import acme_agents


class SACBuilder(acme_agents.BuilderMixin, sac.SACBuilder):
  """Acme's builder, but its actors are the package's, and its learner counts.

  A step of the learner's is then an SGD step, and not a call of several.
  """
