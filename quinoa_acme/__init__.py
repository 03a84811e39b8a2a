"""Quinoa, a Q-function You Infer Normalized Over Actions, on Acme.

Importing this package imports nothing else: each name below is imported when it
is first used. What acts with a trained policy imports no Launchpad, Reverb and
TensorFlow at all.
"""

from typing import TYPE_CHECKING

from quinoa_acme import import_hooks
from quinoa_acme import lazy

if TYPE_CHECKING:
  from quinoa_acme.policies import load_policy

__all__ = ('load_policy',)

__getattr__ = lazy.attach(__name__, {'load_policy': 'quinoa_acme.policies'})

import_hooks.install()
