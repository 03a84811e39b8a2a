"""What a run has learned, from its folder, and what its policy does."""

import dataclasses
from typing import Any, cast, NamedTuple

import dm_env
import jax
import numpy as np
import tree

from quinoa_acme.agents.common import off_policy
from quinoa_acme.data import replay as replay_lib
from quinoa_acme.data import transitions
from quinoa_acme.environments import checked
from quinoa_acme.runs import experiment as experiment_lib
from quinoa_acme.runs.checkpoints import run_folder
from quinoa_acme.runs.checkpoints import run_state
from quinoa_acme.utils import checkpointing
from quinoa_acme.utils import common_types as types
from quinoa_acme.utils import core
from quinoa_acme.utils import specs


class Trained(NamedTuple):
  """The parts of a run, with the learner of its last checkpoint.

  Attributes:
    environment: a new one, seeded by the role.
    spec: its specs.
    agent: the run's algorithm.
    networks: the agent's networks.
    builder: the agent's builder.
    learner: restored, without data, so it cannot continue learning.
  """

  environment: dm_env.Environment
  spec: specs.EnvironmentSpec
  agent: off_policy.OffPolicyAgent
  networks: Any
  builder: off_policy.Builder
  learner: core.Learner


def restore(run: experiment_lib.ExperimentConfig, role: str) -> Trained:
  """Restores what a run has learned.

  Args:
    run: the run.
    role: the purpose; determines the environment's seed.

  Returns:
    The parts.

  Raises:
    FileNotFoundError: if the run has no checkpoint.
  """
  environment = checked.wrap(run.make_environment(run.seed_of(role)))
  spec = specs.make_environment_spec(environment)
  agent = run.make_agent()
  networks = agent.make_networks(spec)
  builder = agent.make_builder(spec, core.NoOpLogger)
  learner = builder.make_learner(jax.random.PRNGKey(0), networks, iter(()))
  if not run_state.restore_learner(run.workdir, learner):
    raise FileNotFoundError(f'{run.workdir} has no checkpoint of a learner.')
  return Trained(environment, spec, agent, networks, builder, learner)


def restore_replay(
  run: experiment_lib.ExperimentConfig, spec: specs.EnvironmentSpec
) -> types.Transition:
  """Restores the replay of a run in one process.

  Args:
    run: the run.
    spec: its environment's specs.

  Returns:
    All the transitions, leaves [N, ...].

  Raises:
    FileNotFoundError: if the run has no checkpoint with a replay.
    checkpointing.CheckpointError: if all checkpoints are damaged.
  """
  checkpoint = checkpointing.read_latest(
    run_folder.run_checkpoints(run.workdir)
  )
  if checkpoint is None:
    raise FileNotFoundError(
      f'{run.workdir} has no checkpoint with a replay in it. Give the folder '
      'of a run in one process, --run_distributed=false, which saves both '
      'together.'
    )
  window = run.agent.window
  like = replay_lib.TransitionReplay(spec, 1, 0, window).state_like()
  state = checkpoint.restore({'replay': like}, partial=True)['replay']
  return cast(
    types.Transition,
    tree.unflatten_as(transitions.make_spec(spec, window), state.columns),
  )


@dataclasses.dataclass(frozen=True)
class Visits:
  """States that a policy visited.

  Attributes:
    observations: the observation in each, float32 of shape [N, F].
    physics: MuJoCo's state in each, float64 of shape [N, P].
  """

  observations: np.ndarray
  physics: np.ndarray


def visit(trained: Trained, num_states: int, every: int, seed: int) -> Visits:
  """Follows the policy, with sampled actions, and records states on the way.

  Args:
    trained: of a task of the Control Suite.
    num_states: number of states to record.
    every: environment steps between two of them, counted across episodes.
    seed: for the actions.

  Returns:
    The states, in the order of the visits.
  """
  environment: Any = trained.environment
  actor = _make_actor(trained, seed)
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


class Episode(NamedTuple):
  """An episode of a policy.

  Attributes:
    observations: the observation before each step, leaves [T, ...].
    actions: the actions taken, [T, *action].
    rewards: the rewards, [T].
    was_cut: whether its time limit ended it early.
  """

  observations: Any
  actions: np.ndarray
  rewards: np.ndarray
  was_cut: bool


def follow(trained: Trained, num_episodes: int, seed: int) -> list[Episode]:
  """Runs the policy, with sampled actions, over whole episodes.

  Args:
    trained: the run.
    num_episodes: number of episodes.
    seed: for the actions.

  Returns:
    The episodes.
  """
  actor = _make_actor(trained, seed)
  return [
    _make_episode(trained.environment, actor) for _ in range(num_episodes)
  ]


def _make_episode(
  environment: dm_env.Environment, actor: core.Actor
) -> Episode:
  observations, actions, rewards = [], [], []
  timestep = environment.reset()
  actor.observe_first(timestep)
  while not timestep.last():
    observations.append(timestep.observation)
    actions.append(actor.select_action(timestep.observation))
    timestep = environment.step(actions[-1])
    actor.observe(actions[-1], timestep)
    rewards.append(timestep.reward)
  return Episode(
    transitions.stack(observations),
    np.stack(actions),
    np.array(rewards, np.float32),
    was_cut=bool(timestep.discount),
  )


def _make_actor(trained: Trained, seed: int) -> core.Actor:
  """Makes an actor that samples from the policy."""
  return trained.builder.make_actor(
    jax.random.PRNGKey(seed),
    trained.agent.make_policy(trained.networks),
    variable_source=trained.learner,
  )
