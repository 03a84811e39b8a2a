"""The program's actors: they act and fill the replay."""

from collections.abc import Callable
import dataclasses
from typing import cast

import jax
import reverb

from quinoa_acme.agents.common import off_policy
from quinoa_acme.agents.common import reverb_replay
from quinoa_acme.environments import checked
from quinoa_acme.runs import acting_loop
from quinoa_acme.runs import experiment as experiment_lib
from quinoa_acme.runs.distributed import coordinator as coordinator_lib
from quinoa_acme.runs.distributed import learner_node
from quinoa_acme.runs.distributed import node as node_lib
from quinoa_acme.runs.watching import watchdog
from quinoa_acme.utils import core
from quinoa_acme.utils import counting
from quinoa_acme.utils import resources
from quinoa_acme.utils import specs

# Environment steps of an actor between two checks of its last return.
_STEPS_BETWEEN_LOOKS = 100


def run_actor(
  config: experiment_lib.ExperimentConfig,
  actor_id: int,
  replay: reverb.Client,
  learner: learner_node.LearnerNode,
  coordinator: coordinator_lib.Coordinator,
) -> None:
  """An actor's node: Algorithm 1 of the paper."""
  resources.end_with_launcher()
  role = f'actor_{actor_id}'
  watch = watchdog.Watch(role, config.environment_timeout)
  prints = node_lib.runs_in_own_process()

  def act(stopping: Callable[[], bool]) -> None:
    # A resumed actor, or a replacement, must not repeat earlier steps by using
    # the same seed.
    begun_at = int(coordinator.get_counts().get('actor_steps', 0))
    seed = config.seed_of(f'{role} from {begun_at}')
    logger = node_lib.make_logger(config, role, begun_at, prints)
    watched = dataclasses.replace(
      config, environment_factory=watch.over(config.environment_factory)
    )
    number = config.environments_per_actor
    seeds = [seed] + [
      config.seed_of(f'{role} environment {i} from {begun_at}')
      for i in range(1, number)
    ]
    environments = [checked.wrap(x) for x in watched.make_environments(seeds)]
    agent = config.make_agent()
    spec = specs.make_environment_spec(environments[0])
    builder = agent.make_builder(spec, core.NoOpLogger)
    client = reverb_replay.StampingClient(replay, lambda: loop.steps_so_far)
    key = jax.random.PRNGKey(seed)
    policy = agent.make_policy(agent.make_networks(spec))
    source = node_lib.as_variable_source(learner)
    counter = counting.Counter(coordinator, 'actor', time_delta=0.0)
    if number == 1:
      adder = builder.make_adder(_as_client(client))
      assert adder is not None  # All agents here learn from replay.
      actor = builder.make_actor(key, policy, adder, source)
      loop = acting_loop.ActingLoop(environments[0], actor, counter, logger)
    else:
      several = cast(off_policy.ActorsOfSeveral, builder)
      adder = several.make_batched_adder(_as_client(client), number)
      actor = several.make_batched_actor(key, policy, adder, source)
      loop = acting_loop.BatchedActingLoop(environments, actor, counter, logger)
    finishing = node_lib.Polled(coordinator.should_finish)

    def is_over() -> bool:
      # It need not ask for what it has counted itself.
      return stopping() or loop.steps_so_far >= config.num_steps or finishing()

    reported = None
    while not is_over():
      loop.run_steps(_STEPS_BETWEEN_LOOKS, is_over)
      if loop.last_return is not None and loop.last_return != reported:
        reported = loop.last_return
        coordinator.report({'training_return': reported})
    logger.close()
    if not stopping():
      # Until then its last transitions are in flight.
      adder.reset()
      coordinator.report_done(role)

  node_lib.Body(role, config.workdir, act, watch.check).run_until_stop()


def _as_client(client: reverb_replay.StampingClient) -> reverb.Client:
  """Wraps a client that forwards everything to a Reverb client."""
  return cast(reverb.Client, client)
