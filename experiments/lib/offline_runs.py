"""Runs that learn from a fixed data set, as rows of a table."""

import dataclasses
import pathlib
import time
from typing import Any

from absl import flags

from quinoa_acme import environments
from quinoa_acme.agents import quinoa
from quinoa_acme.runs import experiment
from quinoa_acme.runs import offline
from quinoa_acme.runs import running
from quinoa_acme.runs import scripts
from quinoa_acme.runs.sweeps import results
from quinoa_acme.utils import options


def run(values: flags.FlagValues) -> None:
  """Makes runs, and puts the rows of each into a table when it has ended.

  Args:
    values: the flags of `run_offline.py`.

  Raises:
    OSError: if the data can not be read, or the table not be written.
    ValueError: if a value does not fit.
  """
  scripts.check_output('output', values.output)
  config = _make_config(values)
  for seed in values.seed:
    for algorithm in values.algorithm:
      rows = _run(
        dataclasses.replace(config, seed=seed),
        algorithm,
        values.preset,
        values.env_name,
      )
      results.update_table(pathlib.Path(values.output), rows)


def _make_config(values: flags.FlagValues) -> offline.OfflineConfig:
  """The configuration of all runs, which differ in their seeds."""
  overrides = dict(map(split, values.option))
  preset = running.PRESETS['quinoa'][values.preset]()
  assert isinstance(preset, quinoa.QuinoaConfig)
  return offline.OfflineConfig(
    agent=options.replace(preset, overrides),
    data=values.data,
    environment_factory=environments.EnvironmentFactory(values.env_name),
    action_repeat=values.action_repeat,
    num_learner_steps=values.num_learner_steps,
    eval_every=values.eval_every,
    evaluation_episodes=values.evaluation_episodes,
  )


def split(option: str) -> tuple[str, str]:
  """Splits 'field=value'.

  Raises:
    ValueError: if there is no '='.
  """
  name, equals, text = option.partition('=')
  if not equals:
    raise ValueError(f'--option={option}: expected a field=value.')
  return name, text


def _run(
  config: offline.OfflineConfig, algorithm: str, preset: str, env_name: str
) -> list[dict[str, Any]]:
  """Makes one run; gives a row an evaluation."""
  started = time.monotonic()
  rows = []
  for steps, row in offline.train(config, algorithm):
    print(
      f'{algorithm}, seed {config.seed}: {steps:,} learner steps, return '
      f'{row["episode_return"]:.1f} ± {row["episode_return_std"]:.1f}',
      flush=True,
    )
    rows.append(
      {
        'agent': algorithm,
        'preset': preset,
        'task': '-'.join(env_name.split(':')[1:]),
        'action_repeat': config.action_repeat,
        'seed': config.seed,
        'actor_steps': 0,
        'learner_steps': steps,
        'wall_clock': round(time.monotonic() - started, 1),
        'return': round(row['episode_return'], 2),
        'evaluation': str(config.agent.evaluation_policy),
        **experiment.describe_source(),
      }
    )
  return rows
