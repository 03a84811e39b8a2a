"""A table of episodes beside the learner's, with the parts wired by hand.

Run it by `python examples/second_table.py`.
"""

import acme
from acme import adders
from acme.adders import reverb as adders_reverb
from acme.agents import agent as agent_lib
import jax
import reverb

from quinoa_acme import environments
from quinoa_acme.agents import quinoa


class EpisodesBuilder(quinoa.QuinoaBuilder):
  """Keeps the last ten episodes, of at most 1000 steps, under `episodes`."""

  def make_replay_tables(self, environment_spec):
    """Quinoa's table, and the one of episodes."""
    episodes = reverb.Table(
      name='episodes',
      sampler=reverb.selectors.Uniform(),
      remover=reverb.selectors.Fifo(),
      max_size=10,
      rate_limiter=reverb.rate_limiters.MinSize(1),
      signature=adders_reverb.EpisodeAdder.signature(environment_spec),
    )
    return [*super().make_replay_tables(environment_spec), episodes]

  def make_adder(self, replay_client):
    """Adds to both tables."""
    episodes = adders_reverb.EpisodeAdder(
      replay_client, max_sequence_length=1001, priority_fns={'episodes': None}
    )
    return adders.ForkingAdder([super().make_adder(replay_client), episodes])


def train(environment, config, num_steps, logger=None) -> reverb.Server:
  """Trains, and returns the server of both tables."""
  spec = acme.make_environment_spec(environment)
  builder = EpisodesBuilder(config)
  networks = quinoa.QuinoaAgent(config).make_networks(spec)
  server = reverb.Server(builder.make_replay_tables(spec))
  client = server.localhost_client()
  data = builder.make_dataset_iterator(client)
  learner = builder.make_learner(jax.random.PRNGKey(0), networks, data)
  policy, adder = quinoa.make_policy(networks), builder.make_adder(client)
  actor = builder.make_actor(jax.random.PRNGKey(1), policy, adder, learner)
  every = config.samples_per_step / config.samples_per_insert
  begin = config.min_replay_size + config.window  # Windows come late.
  agent = agent_lib.Agent(actor, learner, begin, every)
  acme.EnvironmentLoop(environment, agent, logger=logger).run(None, num_steps)
  return server


if __name__ == '__main__':
  task = environments.make_environment('control:cartpole:swingup', 0)
  train(task, quinoa.QuinoaConfig(num_sgd_steps_per_step=1), 10_000)
