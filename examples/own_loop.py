"""A trained policy as an `ActorCore`, in an inference loop of one's own.

Run it by `python examples/own_loop.py runs/mine`.
"""

import sys

import dm_env
import jax

from quinoa_acme.agents import quinoa
from quinoa_acme.agents.common import actors
from quinoa_acme.runs import experiment
from quinoa_acme.runs import running
from quinoa_acme.runs.checkpoints import run_state
from quinoa_acme.utils import specs


def load(
  run: experiment.ExperimentConfig, spec: specs.EnvironmentSpec
) -> tuple[actors.ActorCore, quinoa.PolicyVariables]:
  """The policy of a run's last checkpoint: pure functions, and parameters."""
  agent = run.make_agent()
  networks = agent.make_networks(spec)
  learner = agent.make_builder(spec).make_learner(
    jax.random.PRNGKey(0), networks, iter(())
  )
  run_state.restore_learner(run.workdir, learner)
  [variables] = learner.get_variables(['policy'])
  policy = agent.make_evaluation_policy(networks)
  return actors.make_core(policy), variables


def run_episode(
  environment: dm_env.Environment,
  core: actors.ActorCore,
  variables: quinoa.PolicyVariables,
  seed: int,
) -> float:
  """Acts for one episode, and returns its return."""
  select_action = jax.jit(core.select_action)
  state = core.init(jax.random.PRNGKey(seed))
  timestep = environment.reset()
  total = 0.0
  while not timestep.last():
    action, state = select_action(variables, timestep.observation, state)
    timestep = environment.step(jax.device_get(action))
    total += float(timestep.reward)
  return total


if __name__ == '__main__':
  config = running.read_config(sys.argv[1])
  task = config.make_environment(0)
  print(run_episode(task, *load(config, specs.make_environment_spec(task)), 0))
