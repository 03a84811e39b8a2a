"""Which agent belongs to a configuration."""

from quinoa_acme.agents import d4pg
from quinoa_acme.agents import off_policy
from quinoa_acme.agents import quinoa
from quinoa_acme.agents import sac
from quinoa_acme.agents import svg0

# The configurations that there are agents for, by name.
CONFIGS: dict[str, type[off_policy.OffPolicyConfig]] = {
  config.__name__: config
  for config in (
    quinoa.QuinoaConfig,
    sac.SACConfig,
    svg0.SVG0Config,
    d4pg.D4PGConfig,
  )
}


def make_agent(
  config: off_policy.OffPolicyConfig,
) -> off_policy.OffPolicyAgent:
  """Makes the agent that a configuration is of.

  Args:
    config: an agent's options.

  Returns:
    The agent.

  Raises:
    TypeError: if no agent of the package has such a configuration.
  """
  match config:
    case quinoa.QuinoaConfig():
      return quinoa.QuinoaAgent(config)
    case sac.SACConfig():
      return sac.SACAgent(config)
    case svg0.SVG0Config():
      return svg0.SVG0Agent(config)
    case d4pg.D4PGConfig():
      return d4pg.D4PGAgent(config)
  raise TypeError(
    'expected the configuration of an agent of quinoa_acme '
    f'({", ".join(CONFIGS)}), but got {config!r}.'
  )
