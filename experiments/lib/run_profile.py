"""Where the time of a run goes: acting, an update, its data, the imports."""

from collections.abc import Iterator
import dataclasses
import subprocess
import sys
import time
from typing import Any

import dm_env
import jax
import jax.numpy as jnp
import numpy as np
import reverb

from experiments.lib import random_data
from experiments.lib import timing
from quinoa_acme import environments
from quinoa_acme.agents import quinoa
from quinoa_acme.agents.quinoa import training_state
from quinoa_acme.agents.quinoa import update as update_lib
from quinoa_acme.runs import acting_loop
from quinoa_acme.utils import specs

_ENV_NAME = 'control:cheetah:run'
_STATEMENTS = (
  'pass',
  'import quinoa_acme',
  'import jax',
  'import quinoa_acme; quinoa_acme.load_policy',
  'import tensorflow',
  'from quinoa_acme.runs import running',
)


def profile(timer: timing.Timer) -> Iterator[timing.Part]:
  """The parts of a run; acting first, which fills the replay of the last.

  Args:
    timer: measures each part.

  Yields:
    The times of each part.
  """
  config = dataclasses.replace(
    quinoa.QuinoaConfig(), min_replay_size=1, samples_per_insert_tolerance=1e9
  )
  agent = quinoa.QuinoaAgent(config)
  environment = environments.make_environment(_ENV_NAME, 0)
  spec = specs.make_environment_spec(environment)
  server = reverb.Server(quinoa.QuinoaBuilder(config).make_replay_tables(spec))
  client = server.localhost_client()
  yield from _profile_acting(timer, agent, spec, client)
  yield from _profile_update(
    timer,
    agent,
    spec,
    random_data.make_batch(spec, config.batch_size, config.window),
  )
  yield from _profile_reverb(timer, agent, client)


def _profile_update(
  timer: timing.Timer,
  agent: quinoa.QuinoaAgent,
  spec: specs.EnvironmentSpec,
  batch: Any,
) -> Iterator[timing.Part]:
  """The update, its matrix products, and a call that does nothing.

  The limit is the processor's speed with matrices of the critics' size, in the
  learner's single thread.
  """
  config = agent.config
  networks = agent.make_networks(spec)
  state = training_state.make_initial_state(
    networks, config, jax.random.PRNGKey(0), batch.observation, batch.action
  )
  update = jax.jit(update_lib.make_update_step(networks, config))
  side = config.batch_size
  matrix = jnp.ones((side, side), jnp.float32)
  product = timer.measure(
    f'product of two {side} by {side} matrices', lambda: _multiply(matrix)
  )
  yield product
  cost: Any = update.lower(state, batch).compile().cost_analysis()
  flops = (cost[0] if isinstance(cost, list) else cost)['flops']
  found = timer.measure('one update, batch 256', lambda: update(state, batch))
  note = _note(flops, found, 2 * side**3 / product.clock_us / 1e3)
  yield found._replace(note=note)
  nothing = jax.jit(lambda state, batch: state.steps, keep_unused=True)
  yield timer.measure(
    'dispatch of a call with the state and a batch',
    lambda: nothing(state, batch),
    'once a learner call',
  )
  yield timer.measure(
    'published parameters to NumPy',
    lambda: jax.tree_util.tree_map(np.array, training_state.policy_of(state)),
    'when an actor in another process asks',
  )


@jax.jit
def _multiply(matrix: jax.Array) -> jax.Array:
  return matrix @ matrix


def _note(flops: float, update: timing.Part, gigaflops: float) -> str:
  """How near an update of so many operations comes to the product's speed."""
  share = flops / (update.clock_us * 1e3 * gigaflops)
  return (
    f'{flops / 1e6:.0f} Mflop by XLA, {share:.0%} of the '
    f'{gigaflops:.0f} Gflop/s of the product'
  )


def _profile_acting(
  timer: timing.Timer,
  agent: quinoa.QuinoaAgent,
  spec: specs.EnvironmentSpec,
  client: reverb.Client,
) -> Iterator[timing.Part]:
  """The actor's step, part by part."""
  environment = environments.make_environment(_ENV_NAME, 0)
  networks = agent.make_networks(spec)
  builder = quinoa.QuinoaBuilder(agent.config)
  key = jax.random.PRNGKey(0)
  learner = builder.make_learner(key, networks, iter(()))
  policy = agent.make_policy(networks)
  actor = builder.make_actor(
    key, policy, builder.make_adder(client), variable_source=learner
  )
  first = environment.reset()
  actor.observe_first(first)
  yield timer.measure(
    'policy of one observation',
    lambda: actor.select_action(first.observation),
    'with its dispatch, and the key for the next',
  )
  rng = np.random.default_rng(0)
  action = rng.uniform(-1, 1, 6).astype(np.float32)
  yield from _profile_environment(timer, environment, action)
  adder = builder.make_adder(client)
  adder.add_first(first)
  later = environment.reset()._replace(
    step_type=first.step_type.MID, reward=np.float32(0), discount=np.float32(1)
  )
  yield timer.measure('adder and Reverb', lambda: adder.add(action, later))
  loop = acting_loop.ActingLoop(environment, actor)
  yield timer.measure('whole step of an actor', lambda: loop.run_steps(1))


def _profile_environment(
  timer: timing.Timer, environment: dm_env.Environment, action: np.ndarray
) -> Iterator[timing.Part]:
  """A step of the environment, and of the simulator in it."""
  yield timer.measure(
    'environment, wrapped', lambda: environment.step(action), _ENV_NAME
  )
  inner: Any = environment
  while hasattr(inner, '_environment'):
    inner = inner._environment
  yield timer.measure('MuJoCo within it', lambda: inner.physics.step())


def _profile_reverb(
  timer: timing.Timer, agent: quinoa.QuinoaAgent, client: reverb.Client
) -> Iterator[timing.Part]:
  data = quinoa.QuinoaBuilder(agent.config).make_dataset_iterator(client)
  yield timer.measure(
    'sample of a learner call from Reverb',
    lambda: next(data),
    f'{agent.config.samples_per_step} transitions, server in this process',
  )


def profile_imports() -> Iterator[timing.Part]:
  """The imports of a run, each in a process of its own.

  Yields:
    The least of three times, without those of the processor.
  """
  for statement in _STATEMENTS:
    times = []
    for _ in range(3):
      started = time.monotonic()
      subprocess.run([sys.executable, '-c', statement], check=True)
      times.append(time.monotonic() - started)
    found = timing.Part(f'process: {statement}', min(times) * 1e6, float('nan'))
    print(f'{found.part}: {min(times):.2f} s', flush=True)
    yield found
