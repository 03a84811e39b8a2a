"""Launches the program of `program.py` by Launchpad's Vertex AI launch."""

from collections.abc import Mapping, Sequence
import functools
import pathlib
import tempfile
from typing import Any

import launchpad as lp

from quinoa_acme.runs import experiment as experiment_lib
from quinoa_acme.runs.checkpoints import run_folder
from quinoa_acme.runs.distributed import program as program_lib
from quinoa_acme.runs.distributed.vertex_ai import images
from quinoa_acme.runs.distributed.vertex_ai import machines as machines_lib
from quinoa_acme.runs.distributed.vertex_ai import readiness
from quinoa_acme.utils import specs

_LAUNCH_TYPE = 'vertex_ai'


def make_program(
  config: experiment_lib.ExperimentConfig, allow_changes: Sequence[str] = ()
) -> lp.Program:
  """Makes a run's program, whose counter first prepares the run's folder.

  The launcher cannot see the folder.

  Args:
    config: the run.
    allow_changes: fields that may differ from those that the run began with.

  Returns:
    The program of `program.make_program`.
  """
  # From the source tree here: an image has no commit.
  described, spec = config.describe(), config.make_spec()
  return program_lib.make_program(
    config,
    begin=functools.partial(_begin, config, described, spec, allow_changes),
    # Vertex AI gives each node one port.
    has_replay_node=True,
  )


def _begin(
  config: experiment_lib.ExperimentConfig,
  described: Mapping[str, Any],
  spec: specs.EnvironmentSpec,
  allow_changes: Sequence[str],
) -> None:
  run_folder.begin(config.workdir, described, spec, allow_changes)
  program_lib.begin(config)


def launch(
  config: experiment_lib.ExperimentConfig,
  machines: machines_lib.Machines = machines_lib.Machines(),
  allow_changes: Sequence[str] = (),
) -> None:
  """Builds the images, and hands the program to Vertex AI.

  Returns when the job is created; the program then runs by itself.

  Args:
    config: the run; its workdir is a path on the nodes, '/gcs/<bucket>/...'.
    machines: the nodes' machines.
    allow_changes: fields that may differ from those that the run began with.

  Raises:
    VertexAIError: if something is not installed or not set.
    ValueError: if the environment's specs do not suit the agent.
  """
  readiness.check_ready(config.workdir)
  program = make_program(config, allow_changes)
  with tempfile.TemporaryDirectory() as folder:
    node_resources = images.make_resources(machines, pathlib.Path(folder))
    with images.own_instructions(node_resources['learner']):
      lp.launch(program, launch_type=_LAUNCH_TYPE, xm_resources=node_resources)
