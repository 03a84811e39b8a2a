"""Learns from a fixed data set, by Quinoa and by behaviour cloning.

  python experiments/run_offline.py --data=walker.npz --output=offline.csv

The table has one row per evaluation.
"""

import pathlib
import runpy

_PACKAGE = pathlib.Path(__file__).resolve().parents[1] / 'quinoa_acme'
runpy.run_path(str(_PACKAGE / '_preflight.py'))['run']()
runpy.run_path(str(_PACKAGE / 'utils' / 'resources.py'))['configure_process'](
  'run'
)

import dataclasses  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402

from absl import flags  # noqa: E402

from quinoa_acme import environments  # noqa: E402
from quinoa_acme.agents import quinoa  # noqa: E402
from quinoa_acme.runs import experiment  # noqa: E402
from quinoa_acme.runs import offline  # noqa: E402
from quinoa_acme.runs import running  # noqa: E402
from quinoa_acme.runs import scripts  # noqa: E402
from quinoa_acme.runs.sweeps import results  # noqa: E402
from quinoa_acme.utils import options  # noqa: E402

_DATA = flags.DEFINE_string(
  'data', None, 'The file of record_data.py.', required=True
)
_ENV_NAME = flags.DEFINE_string('env_name', 'control:walker:walk', 'The task.')
_ALGORITHMS = flags.DEFINE_multi_enum(
  'algorithm', list(offline.ALGORITHMS), list(offline.ALGORITHMS), 'Which.'
)
_SEEDS = flags.DEFINE_multi_integer(
  'seed', [0, 1, 2], 'One run for each.', lower_bound=0
)
_STEPS = flags.DEFINE_integer('num_learner_steps', 30_000, 'SGD steps.')
_EVAL_EVERY = flags.DEFINE_integer('eval_every', 10_000, 'SGD steps.')
_EPISODES = flags.DEFINE_integer('evaluation_episodes', 10, 'Of each.')
_PRESET = flags.DEFINE_enum(
  'preset', 'offline', list(running.PRESETS['quinoa']), 'The configuration.'
)
_OVERRIDES = flags.DEFINE_multi_string(
  'option', [], 'Replaces a field of the preset, e.g. conservatism=0.1.'
)
_OUTPUT = flags.DEFINE_string(
  'output', None, 'The CSV file of the table.', required=True
)


def main(argv: list[str]) -> None:
  """Runs the script."""
  scripts.begin(argv)
  try:
    scripts.check_output('output', _OUTPUT.value)
    overrides = dict(map(_split, _OVERRIDES.value))
    preset = running.PRESETS['quinoa'][_PRESET.value]()
    assert isinstance(preset, quinoa.QuinoaConfig)
    agent = options.replace(preset, overrides)
    config = offline.OfflineConfig(
      agent=agent,
      data=_DATA.value,
      environment_factory=environments.EnvironmentFactory(_ENV_NAME.value),
      num_learner_steps=_STEPS.value,
      eval_every=_EVAL_EVERY.value,
      evaluation_episodes=_EPISODES.value,
    )
    for seed in _SEEDS.value:
      for algorithm in _ALGORITHMS.value:
        _run(dataclasses.replace(config, seed=seed), algorithm)
  except (OSError, ValueError) as error:
    sys.exit(f'error: {error}')


def _split(option: str) -> tuple[str, str]:
  name, equals, text = option.partition('=')
  if not equals:
    raise ValueError(f'--option={option}: expected a field=value.')
  return name, text


def _run(config: offline.OfflineConfig, algorithm: str) -> None:
  """Makes one run, and puts its rows into the table."""
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
        'preset': _PRESET.value,
        'task': '-'.join(_ENV_NAME.value.split(':')[1:]),
        'seed': config.seed,
        'actor_steps': 0,
        'learner_steps': steps,
        'wall_clock': round(time.monotonic() - started, 1),
        'return': round(row['episode_return'], 2),
        'evaluation': str(config.agent.evaluation_policy),
        **experiment.describe_source(),
      }
    )
  results.update_table(pathlib.Path(_OUTPUT.value), rows)


if __name__ == '__main__':
  scripts.run(main)
