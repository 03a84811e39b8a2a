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
from quinoa_acme.utils import extras

__all__ = ('CONFIGS', 'PRESETS', 'make_agent', 'register')


# Functions, because the classes import Acme's.
def _make_sac(config: sac.SACConfig) -> off_policy.OffPolicyAgent:
  with extras.needed_for("Acme's SAC"):
    return sac.SACAgent(config)


def _make_d4pg(config: d4pg.D4PGConfig) -> off_policy.OffPolicyAgent:
  with extras.needed_for("Acme's D4PG"):
    return d4pg.D4PGAgent(config)


register('quinoa', quinoa.QuinoaConfig, quinoa.QuinoaAgent)
register('sac', sac.SACConfig, _make_sac)
register('svg0', svg0.SVG0Config, svg0.SVG0Agent)
register('d4pg', d4pg.D4PGConfig, _make_d4pg)


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
