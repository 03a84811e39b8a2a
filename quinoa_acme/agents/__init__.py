"""Agents; `register` adds your own."""

from typing import TYPE_CHECKING

from quinoa_acme.utils import lazy

if TYPE_CHECKING:
  from quinoa_acme.agents.agents import make_agent
  from quinoa_acme.agents.agents import register

__all__ = ('make_agent', 'register')

__getattr__ = lazy.attach(
  __name__,
  {
    'make_agent': 'quinoa_acme.agents.agents',
    'register': 'quinoa_acme.agents.agents',
  },
)
