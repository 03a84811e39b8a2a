"""dm-acme's SVG0 for TensorFlow, trained with the options of ours.

Its agent is untouched. With sequences of two steps its Retrace target is the
one-step target. It needs trfl.
"""

from collections.abc import Iterator, Sequence
import pathlib
import time
from typing import Any, cast

from acme import specs
from acme.agents.tf import actors
from acme.agents.tf import svg0_prior
from acme.tf import networks as tf_networks
from acme.tf import utils as tf_utils
from acme.utils import loggers as acme_loggers
import sonnet as snt
import tensorflow as tf

from experiments.lib import svg0_comparison
from quinoa_acme.runs import acting_loop
from quinoa_acme.runs import evaluation
from quinoa_acme.runs.sweeps import results

_CONFIG = svg0_comparison.CONFIG


def _make_policy(spec: specs.EnvironmentSpec) -> snt.Module:
  """The policy of `svg0_prior.make_default_networks`, with our widths."""
  return snt.Sequential(
    [
      tf_utils.batch_concat,
      tf_networks.LayerNormMLP(svg0_comparison.SIZES, activate_final=True),
      tf_networks.MultivariateNormalDiagHead(
        spec.actions.shape[0], tanh_mean=True, min_scale=0.3, init_scale=0.7
      ),
    ]
  )


def _make_agent(spec: specs.EnvironmentSpec) -> tuple[Any, snt.Module]:
  """Makes Acme's agent and its policy."""
  policy = _make_policy(spec)
  critic = svg0_prior.make_default_networks(
    spec.actions, critic_layer_sizes=svg0_comparison.SIZES
  )['critic']
  agent = svg0_prior.SVG0(
    environment_spec=spec,
    policy_network=policy,
    critic_network=cast(snt.Module, critic),
    discount=_CONFIG.discount,
    batch_size=_CONFIG.batch_size,
    prefetch_size=1,
    target_update_period=svg0_comparison.TARGET.period,
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


def write_rows(
  plan: svg0_comparison.Plan,
  ours: Sequence[dict[str, Any]],
  table: pathlib.Path,
) -> None:
  """Trains Acme's agent, and appends its rows to ours after each evaluation.

  Args:
    plan: the task, and how long to train.
    ours: the rows of our agent.
    table: the CSV file.
  """
  rows = list(ours)
  results.update_table(table, rows)
  for row in train(plan):
    rows.append(row)
    results.update_table(table, rows)
    print(f'Acme, {row["actor_steps"]:,} steps: {row["return"]}', flush=True)


def train(plan: svg0_comparison.Plan) -> Iterator[dict[str, Any]]:
  """Trains Acme's agent.

  Args:
    plan: the task, and how long to train.

  Yields:
    A row after each evaluation, of which the first is before any step.
  """
  tf.random.set_seed(plan.seed)
  environment = plan.make_environment(plan.seed)
  agent, policy = _make_agent(specs.make_environment_spec(environment))
  loop = acting_loop.ActingLoop(environment, agent)
  layers: list[Any] = [policy, lambda x: x.mean()]
  evaluator = acting_loop.ActingLoop(
    plan.make_environment(plan.seed + 1),
    # Compiled, unlike Acme's own actor for this agent.
    actors.FeedForwardActor(snt.Sequential(layers)),
    should_update=False,
  )
  seconds = 0.0
  for steps in range(0, plan.num_steps + 1, plan.eval_every):
    if steps:
      started = time.monotonic()
      loop.run_steps(plan.eval_every)
      seconds += time.monotonic() - started
    episodes = evaluator.run_episodes(plan.evaluation_episodes)
    row = evaluation.summarise(episodes, _CONFIG.discount)
    yield plan.row('acme_svg0', steps, seconds, row['episode_return'])
