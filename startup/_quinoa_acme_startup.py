"""Lets `import acme` come before `import quinoa_acme`.

dm-acme 0.4.0 does not import beside the JAX of today; `quinoa_acme` mends that,
once it is imported. Each interpreter of the environment runs this file at its
start, by way of `quinoa_acme.pth`, so that Acme may be imported first. It
imports nothing: `quinoa_acme` only when Acme is asked for. See
docs/decisions/0001-pinned-stack.md.
"""

import sys


class _BeforeAcme:
  """Finds no module, but imports `quinoa_acme` before others find Acme."""

  def find_spec(self, fullname, path=None, target=None):
    """Imports it once, and leaves the finding to the others."""
    if fullname != 'acme':
      return
    sys.meta_path.remove(self)
    try:
      import quinoa_acme  # noqa: F401
    except ImportError:
      # Its source tree is gone. Acme says for itself what it lacks.
      return


sys.meta_path.insert(0, _BeforeAcme())
