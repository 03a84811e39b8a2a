"""A flow of your own, here a histogram: three functions, and its options.

Run it by `python examples/own_flow.py --preset=debug --flow=HistogramConfig
--num_steps=2000`.
"""

import dataclasses

import haiku as hk
import jax
import jax.numpy as jnp

from quinoa_acme import networks
from quinoa_acme.networks import flows
from quinoa_acme.runs import scripts


@flows.register
@dataclasses.dataclass(frozen=True)
class HistogramConfig:
  num_bins: int = 16
  hidden_sizes: tuple[int, ...] = (64, 64)

  def make(self, box: networks.Box) -> networks.ConditionalFlow:
    size, num_bins = box.num_dimensions, self.num_bins

    def network(observation):
      features = networks.flatten_observation(observation)
      # Zero at first, so that the density is uniform.
      logits = networks.MLP(self.hidden_sizes, size * num_bins)(features)
      return jax.nn.log_softmax(logits.reshape(-1, size, num_bins))

    log_shares = hk.without_apply_rng(hk.transform(network))

    def init(key, observation, point):
      return log_shares.init(key, observation)

    def log_prob(params, observation, point, temperature=1.0):
      shares = log_shares.apply(params, observation)
      bins = jnp.clip(jnp.int32(box.to_unit(point) * num_bins), 0, num_bins - 1)
      picked = jnp.sum(shares * jax.nn.one_hot(bins, num_bins), axis=(-2, -1))
      return picked + size * jnp.log(num_bins) - box.log_volume

    def sample_and_log_prob(params, key, observation, num, temperature=1.0):
      shares = log_shares.apply(params, observation)
      bin_key, key = jax.random.split(key)
      shape = (num, *shares.shape[:-1])
      bins = jax.random.categorical(bin_key, shares, shape=shape)
      unit = (bins + jax.random.uniform(key, shape)) / num_bins
      point = box.from_unit(unit)
      return point, log_prob(params, observation, point)

    return networks.ConditionalFlow(init, sample_and_log_prob, log_prob)


if __name__ == '__main__':
  scripts.train('quinoa')
