"""Quinoa, a Q-function You Infer Normalized Over Actions, on Acme."""

from quinoa_acme import jax_compat

jax_compat.install()
