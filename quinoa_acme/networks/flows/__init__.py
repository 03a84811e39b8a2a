"""Conditional flows over a box: a file each, and what they share.

`quinoa_acme.networks` exports them; `register` adds one of your own.
"""

from quinoa_acme.networks.flows.flow_registry import register

__all__ = ('register',)
