"""Runs an experiment from its first line of output to its last."""

from collections.abc import Sequence
import dataclasses
import os
import sys
import threading
import time
import types
from typing import Any

from absl import logging
import jax

from quinoa_acme.runs import evaluation_limits
from quinoa_acme.runs import experiment as experiment_lib
from quinoa_acme.runs import factories
from quinoa_acme.runs import local
from quinoa_acme.runs import replay_size
from quinoa_acme.runs import stopping
from quinoa_acme.runs.checkpoints import (
  replay_checkpoints as replay_checkpoints_lib,
)
from quinoa_acme.runs.checkpoints import run_folder
from quinoa_acme.runs.distributed import failures
from quinoa_acme.runs.distributed import launchers
from quinoa_acme.runs.watching import plotting
from quinoa_acme.runs.watching import progress
from quinoa_acme.runs.watching import services
from quinoa_acme.runs.watching import terminal
from quinoa_acme.utils import checkpointing
from quinoa_acme.utils import extras
from quinoa_acme.utils import options
from quinoa_acme.utils import resources
from quinoa_acme.utils import specs
from quinoa_acme.utils import user_modules

# Re-exported: other modules look for them here.
PRESETS = experiment_lib.PRESETS
LAUNCH_TYPES = experiment_lib.LAUNCH_TYPES
find_preset = experiment_lib.find_preset
make_config = experiment_lib.make_config
default_workdir = experiment_lib.default_workdir
check_launch_type = experiment_lib.check_launch_type


def read_config(
  workdir: str | os.PathLike[str],
  environment_factory: experiment_lib.EnvironmentFactory | str | None = None,
  modules: str | Sequence[str] = (),
) -> experiment_lib.ExperimentConfig:
  """Reads the configuration of a run from its folder.

  Args:
    workdir: the run's folder.
    environment_factory: the run's factory, if it is your own: the function, or
      its location, 'module:function'.
    modules: your own modules, 'module' or 'path/to/file.py', that register the
      run's agent or flow; they are imported first.

  Returns:
    The configuration.

  Raises:
    FileNotFoundError: if the folder does not hold a run.
    ValueError: if the run was made by a version with other options; if its
      agent, flow or environment factory is your own and is not given; or if a
      module is not found.
  """
  user_modules.load_all(modules)
  workdir = os.path.expanduser(os.fspath(workdir))
  factory = factories.of_run(workdir, environment_factory)
  plain = run_folder.read_description(workdir)
  if 'replay_checkpoints' in plain:
    plain['replay_checkpoints'] = options.from_plain(
      plain['replay_checkpoints'], replay_checkpoints_lib.Option
    )
  plain['evaluation_limit'] = evaluation_limits.read(plain)
  names = {
    field.name for field in dataclasses.fields(experiment_lib.ExperimentConfig)
  }
  return experiment_lib.ExperimentConfig(
    **{
      **{key: value for key, value in plain.items() if key in names},
      'agent': run_folder.read_agent(workdir),
      'environment_factory': factory,
      'workdir': workdir,
    }
  )


def _check_thread(launch_type: str | None) -> None:
  if threading.current_thread() is not threading.main_thread():
    raise ValueError(
      f'launch_type={launch_type!r} needs the main thread: only there does '
      'Python handle the signals that stop a program. Call run() '
      'there, or with launch_type=None, which runs in any thread.'
    )


class RefusedError(ValueError):
  """A run cannot start, and nothing was begun; says why in one line."""


def check(
  config: experiment_lib.ExperimentConfig, launch_type: str | None
) -> specs.EnvironmentSpec:
  """Checks that a run can start, before anything is written or started.

  Args:
    config: the run.
    launch_type: as for `run`.

  Returns:
    The specs of its environment.

  Raises:
    RefusedError: if the machine cannot hold it or lacks what it needs, if the
      environment cannot be made or is the same each time, or if the agent
      cannot act in it.
    ValueError: if there is no such launch type.
  """
  if launch_type is not None:
    check_launch_type(launch_type)
  try:
    services.check_installed(config.loggers)
    if launch_type is not None:
      _program()
    if launch_type in launchers.LAUNCH_TYPES:
      services.check_here(config.loggers, launch_type)
    elif launch_type is not None:
      # Of Linux alone, as programs are.
      from quinoa_acme.runs.distributed import capacity

      capacity.check_actors(config, launch_type)
      _check_thread(launch_type)
    spec = config.check_factory()
    # Traced, so that JAX starts no thread: the nodes fork from this process.
    with resources.single_precision(everywhere=False):
      jax.eval_shape(lambda: [config.make_agent().make_networks(spec)][:0])
  except (ValueError, extras.MissingExtraError) as error:
    raise RefusedError(' '.join(str(error).split())) from error
  except Exception as error:  # From the environment's code.
    said = ' '.join(f'{type(error).__name__}: {error}'.split())
    raise RefusedError(
      f'The environment {config.env_name!r} cannot be made: {said}'
    ) from error
  return spec


def run(
  config: experiment_lib.ExperimentConfig,
  launch_type: str | None,
  allow_changes: Sequence[str] = (),
  machines: Any = None,
) -> int:
  """Trains; first says where it writes, and at the end how it went.

  If the folder already holds a run, that run resumes. A lock keeps other
  launchers out of the folder.

  Args:
    config: the run.
    launch_type: one of `LAUNCH_TYPES`, or None for a single process.
    allow_changes: fields that may differ from those that the run began with.
    machines: the nodes' machines, for a launcher that gives each its own, e.g.
      `vertex_ai.Machines`; None for its default.

  Returns:
    The exit status: 0, or 1 if a node failed, if the folder is in use or holds
    a run with other options, or if the program cannot be launched.

  Raises:
    RefusedError: if the run cannot start; see `check`.
    ValueError: if there is no such launch type.
  """
  spec = check(config, launch_type)
  terminal.say(f'Workdir: {config.workdir}')
  try:
    if launcher := launchers.find(launch_type):
      launcher.launch(config, machines or launcher.machines(), allow_changes)
      return 0
    if said := replay_size.check(config, spec):
      terminal.say(said)
    with run_folder.hold(config.workdir):
      run_folder.begin(config.workdir, config.describe(), spec, allow_changes)
      return _train(config, launch_type)
  except (
    run_folder.WorkdirError,
    replay_size.ReplaySizeError,
    launchers.LaunchError,
  ) as error:
    terminal.say(f'error: {error}', sys.stderr)
    return 1


def _draw(workdir: str, status: progress.Status) -> str:
  """Draws the learning curve; returns its path, or why there is none."""
  if status.evaluation_return is None:
    return 'none, because no evaluation was finished.'
  try:
    return str(plotting.plot_learning_curve(workdir))
  except Exception as error:
    # The run is finished and saved, so a failed picture must not fail it.
    logging.warning('The learning curve could not be drawn: %r', error)
    return 'none, because it could not be drawn.'


def _program() -> types.ModuleType:
  """The module of distributed programs; it imports Launchpad and Reverb."""
  with extras.needed_for('A distributed run', extras.ONE_PROCESS):
    from quinoa_acme.runs.distributed import program

    return program


def _train(
  config: experiment_lib.ExperimentConfig, launch_type: str | None
) -> int:
  started = time.monotonic()
  try:
    with (
      services.sending(config.workdir, config.loggers) as tell_finished,
      resources.single_precision(everywhere=launch_type is not None),
    ):
      if launch_type is None:
        # Only here: the nodes of a launched program use less.
        resources.take_threads_of_a_run()
        with stopping.stop_on_signals() as request:
          status = local.run(config, request)
      else:
        status = _program().launch(config, launch_type)
      if status.finished:
        tell_finished()
  except (
    failures.ProgramError,
    checkpointing.CheckpointError,
    evaluation_limits.EndlessEpisodeError,
  ) as error:
    terminal.say(f'Workdir: {config.workdir}\n{error}', sys.stderr)
    return 1
  seconds = time.monotonic() - started
  terminal.say(f'Learning curve: {_draw(config.workdir, status)}')
  if status.warning:
    terminal.say(progress.format_warning(status.warning))
  agent = config.agent
  terminal.say(
    progress.summarise(
      status,
      agent.min_replay_size,
      agent.sgd_steps_per_insert,
      seconds,
      config.action_repeat,
    )
  )
  terminal.say(f'Workdir: {config.workdir}')
  return 0
