"""Shows where the time of a run goes; prints it, and may write a table.

  python experiments/profile_run.py --output=experiments/results/profile.csv

Each part is timed alone, repeatedly, for `--seconds` seconds. The table has
wall-clock microseconds, processor microseconds (over all threads of the
process), and a note on what one call covers.
`python -X importtime -c 'import ...'` shows how long each module takes.
"""

import pathlib
import runpy

_ROOT = pathlib.Path(__file__).resolve().parents[1]
runpy.run_path(str(_ROOT / 'quinoa_acme' / '_preflight.py'))['run']()
runpy.run_path(str(_ROOT / 'quinoa_acme' / 'utils' / 'resources.py'))[
  'configure_process'
]('learner')

from collections.abc import Callable, Iterator  # noqa: E402
import csv  # noqa: E402
import dataclasses  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from typing import Any, NamedTuple  # noqa: E402

from absl import flags  # noqa: E402
from acme import specs  # noqa: E402
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import reverb  # noqa: E402

from experiments.lib import random_data  # noqa: E402
from quinoa_acme import environments  # noqa: E402
from quinoa_acme.agents import quinoa  # noqa: E402
from quinoa_acme.agents.quinoa import training_state  # noqa: E402
from quinoa_acme.agents.quinoa import update as update_lib  # noqa: E402
from quinoa_acme.runs import acting_loop  # noqa: E402
from quinoa_acme.runs import scripts  # noqa: E402
from quinoa_acme.utils import resources  # noqa: E402

_SECONDS = flags.DEFINE_float('seconds', 3.0, 'For each part.', lower_bound=0.1)
_OUTPUT = flags.DEFINE_string('output', None, 'A CSV file for the table.')
_ENV_NAME = 'control:cheetah:run'


class Part(NamedTuple):
  """The measurement of one part.

  Attributes:
    part: its name.
    clock_us: wall-clock microseconds per call, the median of many rounds.
    processor_us: processor microseconds, over all threads of this process.
    note: how to read it.
  """

  part: str
  clock_us: float
  processor_us: float
  note: str = ''


def _measure(part: str, call: Callable[[], Any], note: str = '') -> Part:
  """Calls repeatedly, leaving out the first calls, which compile."""
  jax.block_until_ready([call() for _ in range(3)])
  started = time.perf_counter()
  call()
  a_round = max(1, int(0.05 / (time.perf_counter() - started)))
  clock, processor = [], []
  result = None
  deadline = time.perf_counter() + _SECONDS.value
  while not clock or time.perf_counter() < deadline:
    before = time.perf_counter(), time.process_time()
    for _ in range(a_round):
      result = call()
    jax.block_until_ready(result)
    clock.append((time.perf_counter() - before[0]) / a_round * 1e6)
    processor.append((time.process_time() - before[1]) / a_round * 1e6)
  found = Part(part, float(np.median(clock)), float(np.median(processor)), note)
  print(
    f'{part}: {found.clock_us:.1f} us, {found.processor_us:.1f} us of the '
    f'processor {note}',
    flush=True,
  )
  return found


def _profile_update(
  agent: quinoa.QuinoaAgent, spec: specs.EnvironmentSpec, batch: Any
) -> Iterator[Part]:
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
  product = _measure(
    f'product of two {side} by {side} matrices', lambda: _multiply(matrix)
  )
  yield product
  gigaflops = 2 * side**3 / product.clock_us / 1e3
  cost: Any = update.lower(state, batch).compile().cost_analysis()
  flops = (cost[0] if isinstance(cost, list) else cost)['flops']
  found = _measure('one update, batch 256', lambda: update(state, batch))
  share = flops / (found.clock_us * 1e3 * gigaflops)
  note = (
    f'{flops / 1e6:.0f} Mflop by XLA, {share:.0%} of the '
    f'{gigaflops:.0f} Gflop/s of the product'
  )
  yield found._replace(note=note)
  nothing = jax.jit(lambda state, batch: state.steps, keep_unused=True)
  yield _measure(
    'dispatch of a call with the state and a batch',
    lambda: nothing(state, batch),
    'once a learner call',
  )
  yield _measure(
    'published parameters to NumPy',
    lambda: jax.tree_util.tree_map(np.array, training_state.policy_of(state)),
    'when an actor in another process asks',
  )


@jax.jit
def _multiply(matrix: jax.Array) -> jax.Array:
  return matrix @ matrix


def _profile_acting(
  agent: quinoa.QuinoaAgent, spec: specs.EnvironmentSpec, client: Any
) -> Iterator[Part]:
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
  yield _measure(
    'policy of one observation',
    lambda: actor.select_action(first.observation),
    'with its dispatch, and the key for the next',
  )
  rng = np.random.default_rng(0)
  action = rng.uniform(-1, 1, 6).astype(np.float32)
  yield _measure(
    'environment, wrapped', lambda: environment.step(action), _ENV_NAME
  )
  inner: Any = environment
  while hasattr(inner, '_environment'):
    inner = inner._environment
  yield _measure('MuJoCo within it', lambda: inner.physics.step())
  adder = builder.make_adder(client)
  adder.add_first(first)
  later = environment.reset()._replace(
    step_type=first.step_type.MID, reward=np.float32(0), discount=np.float32(1)
  )
  yield _measure('adder and Reverb', lambda: adder.add(action, later))
  loop = acting_loop.ActingLoop(environment, actor)
  yield _measure('whole step of an actor', lambda: loop.run_steps(1))


def _profile_reverb(
  agent: quinoa.QuinoaAgent, client: reverb.Client
) -> Iterator[Part]:
  data = quinoa.QuinoaBuilder(agent.config).make_dataset_iterator(client)
  yield _measure(
    'sample of a learner call from Reverb',
    lambda: next(data),
    f'{agent.config.samples_per_step} transitions, server in this process',
  )


def _profile_imports() -> Iterator[Part]:
  for statement in (
    'pass',
    'import quinoa_acme',
    'import jax',
    'import quinoa_acme; quinoa_acme.load_policy',
    'import tensorflow',
    'from quinoa_acme.runs import running',
  ):
    times = []
    for _ in range(3):
      started = time.monotonic()
      subprocess.run([sys.executable, '-c', statement], check=True)
      times.append(time.monotonic() - started)
    found = Part(f'process: {statement}', min(times) * 1e6, float('nan'))
    print(f'{found.part}: {min(times):.2f} s', flush=True)
    yield found


def _profile_run() -> Iterator[Part]:
  """The parts of a run; acting first, which fills the replay of the last."""
  config = dataclasses.replace(
    quinoa.QuinoaConfig(), min_replay_size=1, samples_per_insert_tolerance=1e9
  )
  agent = quinoa.QuinoaAgent(config)
  environment = environments.make_environment(_ENV_NAME, 0)
  spec = specs.make_environment_spec(environment)
  server = reverb.Server(quinoa.QuinoaBuilder(config).make_replay_tables(spec))
  client = server.localhost_client()
  yield from _profile_acting(agent, spec, client)
  yield from _profile_update(
    agent,
    spec,
    random_data.make_batch(spec, config.batch_size, config.window),
  )
  yield from _profile_reverb(agent, client)


def main(argv: list[str]) -> None:
  """Measures, prints and writes."""
  scripts.begin(argv)
  try:
    if _OUTPUT.value:
      scripts.check_output('output', _OUTPUT.value)
  except ValueError as error:
    sys.exit(f'error: {error}')
  resources.compute_in_calling_thread()
  parts = [*_profile_run(), *_profile_imports()]
  if not _OUTPUT.value:
    return
  with open(_OUTPUT.value, 'w', newline='') as file:
    writer = csv.writer(file, lineterminator='\n')
    writer.writerow(Part._fields)
    for part in parts:
      clock, processor = (f'{x:.1f}' for x in part[1:3])
      writer.writerow([part.part, clock, processor, part.note])


if __name__ == '__main__':
  scripts.run(main)
