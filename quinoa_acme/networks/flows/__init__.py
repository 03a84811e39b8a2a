"""Conditional flows over a box: one file each, and their common code.

`quinoa_acme.networks` exports them; `register` adds your own.
"""

from quinoa_acme.networks.flows.flow_registry import register

__all__ = ('register',)
