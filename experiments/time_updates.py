"""Times the learner of each agent, with its data ready.

  taskset -c 0 python experiments/time_updates.py

Agents take turns, so that what else the machine does falls on all of them. The
transitions are random, of the shape of walker's: their values cost nothing.
"""

import pathlib
import runpy

_PACKAGE = pathlib.Path(__file__).resolve().parents[1] / 'quinoa_acme'
runpy.run_path(str(_PACKAGE / '_preflight.py'))['run']()
runpy.run_path(str(_PACKAGE / 'resources.py'))['configure_process']('learner')

import dataclasses  # noqa: E402
import json  # noqa: E402
import time  # noqa: E402

from absl import app  # noqa: E402
from absl import flags  # noqa: E402
from acme import specs  # noqa: E402
from acme import types  # noqa: E402
from acme.utils.loggers import base as loggers_base  # noqa: E402
import jax  # noqa: E402
import numpy as np  # noqa: E402

from quinoa_acme import replay  # noqa: E402
from quinoa_acme.agents import agents  # noqa: E402
from quinoa_acme.agents import quinoa  # noqa: E402
from quinoa_acme.agents import sac  # noqa: E402
from quinoa_acme.agents import svg0  # noqa: E402
from quinoa_acme.runs import command_line  # noqa: E402

_CALLS = flags.DEFINE_integer(
  'num_calls', 20, 'Timed calls of each learner.', lower_bound=1
)
_STEPS = flags.DEFINE_integer(
  'num_sgd_steps_per_step', 50, 'Updates a call.', lower_bound=1
)

_CONFIGS = {
  'quinoa, default': quinoa.QuinoaConfig(),
  'quinoa, paper': quinoa.QuinoaConfig.paper(),
  "Acme's SAC, 256 wide": sac.SACConfig(),
  "Acme's SAC, 128 wide": sac.SACConfig(hidden_sizes=(128, 128)),
  'SVG(0)': svg0.SVG0Config(),
}
_SPEC = specs.EnvironmentSpec(
  observations=specs.Array((24,), np.float32),
  actions=specs.BoundedArray((6,), np.float32, -1.0, 1.0),
  rewards=specs.Array((), np.float32),
  discounts=specs.BoundedArray((), np.float32, 0.0, 1.0),
)


def _make_learner(config):
  agent = agents.make_agent(config)
  rng = np.random.default_rng(0)
  size = config.samples_per_step

  def draw(*shape):
    return rng.uniform(-1.0, 1.0, (size, *shape)).astype(np.float32)

  transitions = {
    'observation': draw(24),
    'action': draw(6),
    'reward': draw(),
    'discount': np.ones(size, np.float32),
    'next_observation': draw(24),
  }
  sample = replay.as_sample(types.Transition(**transitions))
  builder = agent.make_builder(_SPEC, loggers_base.NoOpLogger)
  return builder.make_learner(
    jax.random.PRNGKey(0),
    agent.make_networks(_SPEC),
    iter(lambda: sample, None),
  )


def main(argv: list[str]) -> None:
  """Prints the updates a second of each, the median and the quartiles."""
  command_line.begin(argv)
  learners = {
    name: _make_learner(
      dataclasses.replace(
        config,
        num_sgd_steps_per_step=_STEPS.value,
        # Learners alone know no limiter.
        min_replay_size=100_000,
      )
    )
    for name, config in _CONFIGS.items()
  }
  rates: dict[str, list[float]] = {name: [] for name in learners}
  for call in range(_CALLS.value + 1):
    for name, learner in learners.items():
      started = time.perf_counter()
      learner.step()
      # Quinoa's waits for its metrics, and SAC's for nothing.
      jax.block_until_ready(jax.live_arrays())
      elapsed = time.perf_counter() - started
      # The first call compiles.
      if call:
        rates[name].append(_STEPS.value / elapsed)
  for name, values in rates.items():
    low, median, high = np.percentile(values, [25, 50, 75])
    print(
      json.dumps(
        {
          'learner': name,
          'updates_per_second': round(median, 1),
          'quartiles': [round(low, 1), round(high, 1)],
        }
      )
    )


if __name__ == '__main__':
  app.run(main)
