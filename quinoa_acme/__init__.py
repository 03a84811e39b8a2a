"""Quinoa, a Q-function You Infer Normalized Over Actions, on Acme."""

from quinoa_acme import jax_compat
from quinoa_acme import quiet

jax_compat.install()
quiet.silence_gym()
