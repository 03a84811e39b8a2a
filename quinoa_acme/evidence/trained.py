"""What a run has learnt, from its folder, and where its policy leads."""

import dataclasses
from typing import Any, NamedTuple

from acme import core
from acme import specs
from acme.agents.jax import builders
from acme.utils.loggers import base as loggers_base
import dm_env
import jax
import numpy as np

from quinoa_acme import checked_environment
from quinoa_acme.agents import off_policy
from quinoa_acme.runs import experiment as experiment_lib
from quinoa_acme.runs import run_state


class Trained(NamedTuple):
  """The parts of a run, with the learner as its last checkpoint has it.

  Attributes:
    environment: a new one, seeded by the role.
    spec: its specs.
    agent: the run's algorithm.
    networks: the agent's networks.
    builder: the agent's builder.
    learner: restored, and without data: it can not learn on.
  """

  environment: dm_env.Environment
  spec: specs.EnvironmentSpec
  agent: off_policy.OffPolicyAgent
  networks: Any
  builder: builders.GenericActorLearnerBuilder
  learner: core.Learner


def restore(run: experiment_lib.ExperimentConfig, role: str) -> Trained:
  """Restores what a run has learnt.

  Args:
    run: the run.
    role: what it is for; gives the environment's seed.

  Returns:
    The parts.

  Raises:
    FileNotFoundError: if the run has no checkpoint.
  """
  environment = checked_environment.wrap(
    run.environment_factory(run.seed_of(role))
  )
  spec = specs.make_environment_spec(environment)
  agent = run.make_agent()
  networks = agent.make_networks(spec)
  builder = agent.make_builder(spec, loggers_base.NoOpLogger)
  learner = builder.make_learner(jax.random.PRNGKey(0), networks, iter(()))
  if not run_state.restore_learner(run.workdir, learner):
    raise FileNotFoundError(f'{run.workdir} has no checkpoint of a learner.')
  return Trained(environment, spec, agent, networks, builder, learner)


@dataclasses.dataclass(frozen=True)
class Visits:
  """States that a policy came to.

  Attributes:
    observations: what was seen in each, float32 of shape [N, F].
    physics: MuJoCo's state of each, float64 of shape [N, P].
  """

  observations: np.ndarray
  physics: np.ndarray


def visit(trained: Trained, num_states: int, every: int, seed: int) -> Visits:
  """Follows the policy, as it samples, and notes the states on the way.

  Args:
    trained: of a task of the Control Suite.
    num_states: how many states to note.
    every: environment steps between two of them; a new episode goes on with the
      count.
    seed: of the actions.

  Returns:
    The states, in the order of the visits.
  """
  environment: Any = trained.environment
  actor = trained.builder.make_actor(
    jax.random.PRNGKey(seed),
    trained.agent.make_policy(trained.networks),
    variable_source=trained.learner,
  )
  observations, states = [], []
  timestep = None
  for step in range(num_states * every):
    if timestep is None or timestep.last():
      timestep = environment.reset()
      actor.observe_first(timestep)
    if step % every == 0:
      observations.append(timestep.observation)
      states.append(environment.physics.get_state())
    action = actor.select_action(timestep.observation)
    timestep = environment.step(action)
    actor.observe(action, timestep)
  return Visits(np.stack(observations), np.stack(states))
