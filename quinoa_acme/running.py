"""Runs an experiment from its first line of output to its last."""

import dataclasses
import datetime
import pathlib
import sys
import time

from quinoa_acme import environments
from quinoa_acme import experiment as experiment_lib
from quinoa_acme import local
from quinoa_acme import options
from quinoa_acme import plotting
from quinoa_acme import program
from quinoa_acme import progress
from quinoa_acme import run_folder
from quinoa_acme import stopping
from quinoa_acme.agents import quinoa
from quinoa_acme.agents import sac

# Configurations by algorithm and name.
PRESETS = {
  'quinoa': {
    'default': quinoa.QuinoaConfig,
    'paper': quinoa.QuinoaConfig.paper,
    'offline': quinoa.QuinoaConfig.offline,
    'debug': quinoa.QuinoaConfig.debug,
  },
  'sac': {
    'default': sac.SACConfig,
    'debug': sac.SACConfig.debug,
  },
}


def make_config(
  env_name: str,
  algorithm: str,
  preset: str,
  overrides: dict[str, str],
  workdir: str | None,
  seed: int,
  **run_options,
) -> experiment_lib.ExperimentConfig:
  """Makes the configuration of a run from what a command line gives.

  Args:
    env_name: e.g. 'control:cheetah:run'.
    algorithm: a key of `PRESETS`.
    preset: a key of what it has there.
    overrides: texts by field of the agent's configuration, as `options` reads
      them; they replace the preset's.
    workdir: the run's folder, or None for a new one under `runs`.
    seed: of everything random.
    **run_options: further fields of `ExperimentConfig`.

  Returns:
    The configuration.

  Raises:
    ValueError: if any of these does not fit; the message says what does.
  """
  agent = options.replace(PRESETS[algorithm][preset](), overrides)
  return experiment_lib.ExperimentConfig(
    agent=agent,
    environment_factory=environments.EnvironmentFactory(env_name),
    env_name=env_name,
    workdir=workdir or default_workdir(env_name, seed),
    seed=seed,
    **run_options,
  )


def read_config(workdir: str) -> experiment_lib.ExperimentConfig:
  """Reads the configuration of a run from its folder.

  Args:
    workdir: the run's folder.

  Returns:
    The configuration.

  Raises:
    FileNotFoundError: if the folder is of no run.
    ValueError: if the run was made by a version with other options.
  """
  plain = run_folder.read_description(workdir)
  names = {
    field.name for field in dataclasses.fields(experiment_lib.ExperimentConfig)
  }
  return experiment_lib.ExperimentConfig(
    **{
      **{key: value for key, value in plain.items() if key in names},
      'agent': run_folder.read_agent(workdir),
      'environment_factory': environments.EnvironmentFactory(plain['env_name']),
      'workdir': workdir,
    }
  )


def default_workdir(env_name: str, seed: int) -> str:
  """A new folder named by task, time and seed."""
  task = '_'.join(env_name.split(':')[1:]) or env_name
  now = datetime.datetime.now().strftime('%Y%m%d-%H%M%S')
  return str(pathlib.Path('runs') / f'{task}-{now}-seed{seed}')


def run(
  config: experiment_lib.ExperimentConfig, launch_type: str | None
) -> int:
  """Trains, and says where it writes first and what came of it last.

  Args:
    config: the run.
    launch_type: Launchpad's, or None for a single process.

  Returns:
    The exit status: 0, or 1 if a node failed.
  """
  print(f'Workdir: {config.workdir}', flush=True)
  config.write_json()
  started = time.monotonic()
  try:
    if launch_type is None:
      with stopping.stop_on_signals() as request:
        status = local.run(config, request)
    else:
      status = program.launch(config, launch_type)
  except program.ProgramError as error:
    print(f'Workdir: {config.workdir}\n{error}', file=sys.stderr, flush=True)
    return 1
  seconds = time.monotonic() - started
  if status.evaluation_return is not None:
    print(f'Learning curve: {plotting.plot_learning_curve(config.workdir)}')
  else:
    print('Learning curve: none, for no evaluation was finished.')
  agent = config.agent
  print(
    progress.summarise(
      status, agent.min_replay_size, agent.sgd_steps_per_insert, seconds
    )
  )
  print(f'Workdir: {config.workdir}', flush=True)
  return 0
