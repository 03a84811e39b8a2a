"""Trains dm-acme's SVG0 for TensorFlow, and ours, with the same options.

  python experiments/compare_svg0.py \
    --output=experiments/results/svg0_acme.csv

Acme's agent runs unchanged in Acme's own loop. It gets sequences of two steps,
for which its Retrace target is the one-step target. It needs trfl, which `make
setup` installs.
"""

import pathlib
import runpy

_PACKAGE = pathlib.Path(__file__).resolve().parents[1] / 'quinoa_acme'
runpy.run_path(str(_PACKAGE / '_preflight.py'))['run']()
runpy.run_path(str(_PACKAGE / 'utils' / 'resources.py'))['configure_process'](
  'learner'
)

from collections.abc import Iterator  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from typing import Any, cast  # noqa: E402

from absl import flags  # noqa: E402
from acme import specs  # noqa: E402
from acme import wrappers  # noqa: E402
from acme.agents.tf import actors  # noqa: E402
from acme.agents.tf import svg0_prior  # noqa: E402
from acme.tf import networks as tf_networks  # noqa: E402
from acme.tf import utils as tf_utils  # noqa: E402
from acme.utils import loggers as acme_loggers  # noqa: E402
import sonnet as snt  # noqa: E402
import tensorflow as tf  # noqa: E402

from quinoa_acme import environments  # noqa: E402
from quinoa_acme.agents import svg0  # noqa: E402
from quinoa_acme.runs import acting_loop  # noqa: E402
from quinoa_acme.runs import evaluation  # noqa: E402
from quinoa_acme.runs import experiment  # noqa: E402
from quinoa_acme.runs import local  # noqa: E402
from quinoa_acme.runs import scripts  # noqa: E402
from quinoa_acme.runs.sweeps import results  # noqa: E402
from quinoa_acme.runs.watching import loggers  # noqa: E402
from quinoa_acme.utils import checkpointing  # noqa: E402

_TASK = flags.DEFINE_string(
  'env_name', 'control:cartpole:balance', 'Which task to train.'
)
_STEPS = flags.DEFINE_integer('num_steps', 5_000, 'Environment steps of each.')
_EVERY = flags.DEFINE_integer('eval_every', 2_500, 'Steps per evaluation.')
_EPISODES = flags.DEFINE_integer('evaluation_episodes', 3, 'Of each.')
_SEED = flags.DEFINE_integer('seed', 0, 'Seed of everything random.')
_FOLDER = flags.DEFINE_string('folder', 'runs/compare_svg0', 'For our run.')
_OUTPUT = flags.DEFINE_string(
  'output', None, 'The CSV file for the rows.', required=True
)

_SIZES = (64, 64)
_TARGET = svg0.CopyEvery(100)
# Options of both. Scales and samples are those of Acme's agent.
_CONFIG = svg0.SVG0Config(
  policy=svg0.ClippedGaussianConfig(
    hidden_sizes=_SIZES, initial_scale=1.0, min_scale=0.3, max_scale=2.0
  ),
  critic_hidden_sizes=_SIZES,
  num_actions=10,
  regularisation=svg0.NoRegularisation(),
  target=_TARGET,
)


def _make_environment(seed: int) -> Any:
  # Acme's policy does not clip its actions.
  return wrappers.CanonicalSpecWrapper(
    environments.make_environment(_TASK.value, seed), clip=True
  )


def _make_acme_policy(spec: specs.EnvironmentSpec) -> snt.Module:
  """The policy of `svg0_prior.make_default_networks`, with our widths."""
  return snt.Sequential(
    [
      tf_utils.batch_concat,
      tf_networks.LayerNormMLP(_SIZES, activate_final=True),
      tf_networks.MultivariateNormalDiagHead(
        spec.actions.shape[0], tanh_mean=True, min_scale=0.3, init_scale=0.7
      ),
    ]
  )


def _make_acme_agent(spec: specs.EnvironmentSpec) -> tuple[Any, snt.Module]:
  """Makes Acme's agent and its policy."""
  policy = _make_acme_policy(spec)
  critic = svg0_prior.make_default_networks(
    spec.actions, critic_layer_sizes=_SIZES
  )['critic']
  agent = svg0_prior.SVG0(
    environment_spec=spec,
    policy_network=policy,
    critic_network=cast(snt.Module, critic),
    discount=_CONFIG.discount,
    batch_size=_CONFIG.batch_size,
    prefetch_size=1,
    target_update_period=_TARGET.period,
    policy_optimizer=snt.optimizers.Adam(_CONFIG.policy_learning_rate),
    critic_optimizer=snt.optimizers.Adam(_CONFIG.critic_learning_rate),
    entropy_regularizer_cost=0.0,
    min_replay_size=_CONFIG.min_replay_size,
    max_replay_size=_CONFIG.max_replay_size,
    samples_per_insert=_CONFIG.samples_per_insert,
    sequence_length=1,
    logger=acme_loggers.NoOpLogger(),
    checkpoint=False,
  )
  return agent, policy


def _row(agent: str, steps: int, seconds: float, mean_return: float) -> dict:
  """One evaluation, in the columns of `sweeps.COLUMNS`."""
  return {
    'agent': agent,
    'preset': 'one-step',
    'task': '-'.join(_TASK.value.split(':')[1:]),
    'seed': _SEED.value,
    'actor_steps': steps,
    'learner_steps': max(steps - _CONFIG.min_replay_size, 0),
    'wall_clock': round(seconds, 1),
    'return': round(mean_return, 2),
    'evaluation': 'mean',
    **experiment.describe_source(),
  }


def train_acme() -> Iterator[dict]:
  """Trains Acme's agent; yields a row after each evaluation."""
  tf.random.set_seed(_SEED.value)
  environment = _make_environment(_SEED.value)
  agent, policy = _make_acme_agent(specs.make_environment_spec(environment))
  loop = acting_loop.ActingLoop(environment, agent)
  layers: list[Any] = [policy, lambda x: x.mean()]
  evaluator = acting_loop.ActingLoop(
    _make_environment(_SEED.value + 1),
    # Compiled, unlike Acme's own actor for this agent.
    actors.FeedForwardActor(snt.Sequential(layers)),
    should_update=False,
  )
  seconds = 0.0
  for steps in range(0, _STEPS.value + 1, _EVERY.value):
    if steps:
      started = time.monotonic()
      loop.run_steps(_EVERY.value)
      seconds += time.monotonic() - started
    episodes = evaluator.run_episodes(_EPISODES.value)
    row = evaluation.summarise(episodes, _CONFIG.discount)
    yield _row('acme_svg0', steps, seconds, row['episode_return'])


def train_ours() -> list[dict]:
  """Trains our agent; returns the rows of its evaluations."""
  config = experiment.ExperimentConfig(
    agent=_CONFIG,
    environment_factory=_make_environment,
    env_name=_TASK.value,
    workdir=_FOLDER.value,
    num_steps=_STEPS.value,
    seed=_SEED.value,
    eval_every=_EVERY.value,
    evaluation_episodes=_EPISODES.value,
  )
  # An unknown task is refused before anything is written.
  config.make_spec()
  config.write_json()
  local.run(config)
  path = pathlib.Path(config.workdir) / 'logs' / 'evaluator.csv'
  return [
    _row(
      'svg0',
      int(row['actor_steps']),
      row.get('training_seconds', 0.0),
      row['episode_return'],
    )
    for row in loggers.read_rows(path)
  ]


def main(argv: list[str]) -> None:
  """Trains both, and writes the table."""
  scripts.begin(argv)
  table = pathlib.Path(_OUTPUT.value)
  try:
    scripts.check_output('output', table)
    scripts.check_output('folder', _FOLDER.value)
    rows = train_ours()
  except (ValueError, checkpointing.CheckpointError) as error:
    sys.exit(f'error: {error}')
  results.update_table(table, rows)
  for row in train_acme():
    rows.append(row)
    results.update_table(table, rows)
    print(f'Acme, {row["actor_steps"]:,} steps: {row["return"]}', flush=True)
  # Threads of TensorFlow and Reverb may block the interpreter's shutdown.
  os._exit(0)


if __name__ == '__main__':
  scripts.run(main)
