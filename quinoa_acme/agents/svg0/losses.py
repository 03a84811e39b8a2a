"""The equations of SVG(0), as pure functions.

Heess et al., 'Learning Continuous Control Policies by Stochastic Value
Gradients', 2015 (arXiv 1510.09142). The TD target and its loss are in
`quinoa_acme.agents.quinoa.losses`: r + gamma V'(s'), and a mean square.
"""

import chex
import jax
import jax.numpy as jnp


def state_value(q: jax.Array, penalty: jax.Array) -> jax.Array:
  """V(s) = E_a[Q(a, s)] - penalty(s), from K actions of the policy per state.

  Args:
    q: Q of the actions, [K, B].
    penalty: the regularisation's penalty, in units of reward, [B].

  Returns:
    V, [B], in units of reward.
  """
  chex.assert_rank([q, penalty], [2, 1])
  chex.assert_axis_dimension(q, 1, penalty.shape[0])
  return jnp.mean(q, axis=0) - penalty


def policy_loss(q: jax.Array, penalty: jax.Array) -> jax.Array:
  """-E_s[V(s)], whose gradient is the stochastic value gradient.

  The actions of `q` must be functions of the policy's parameters theta and of
  independent noise eta, a = pi(s, eta; theta). The gradient with respect to
  theta is then

    -E_s E_eta[dQ/da * da/dtheta] + d penalty / dtheta

  which is SVG(0) if there is no penalty.

  Args:
    q: Q of the actions, [K, B], with no gradient to the critic's parameters.
    penalty: the regularisation's penalty, in units of reward, [B].

  Returns:
    A scalar.
  """
  return -jnp.mean(state_value(q, penalty))
