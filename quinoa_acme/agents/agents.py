"""Registers the package's agents, like any other, and makes an agent."""

from quinoa_acme.agents import d4pg
from quinoa_acme.agents import quinoa
from quinoa_acme.agents import registry
from quinoa_acme.agents import sac
from quinoa_acme.agents import svg0
from quinoa_acme.agents.common import off_policy
from quinoa_acme.agents.registry import CONFIGS
from quinoa_acme.agents.registry import PRESETS
from quinoa_acme.agents.registry import register

__all__ = ('CONFIGS', 'PRESETS', 'make_agent', 'register')

register('quinoa', quinoa.QuinoaConfig, quinoa.QuinoaAgent)
# Functions, because the classes import Acme's, which only training needs.
register('sac', sac.SACConfig, lambda config: sac.SACAgent(config))
register('svg0', svg0.SVG0Config, svg0.SVG0Agent)
register('d4pg', d4pg.D4PGConfig, lambda config: d4pg.D4PGAgent(config))


def make_agent(
  config: off_policy.OffPolicyConfig,
) -> off_policy.OffPolicyAgent:
  """Makes the agent for a configuration.

  Args:
    config: an agent's options.

  Returns:
    The agent.

  Raises:
    TypeError: if no registered agent has such a configuration.
  """
  return registry.find(config).make_agent(config)
