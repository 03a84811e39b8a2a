"""Launchers of a run's program on other machines than this one.

Each is a folder of its own, which nothing knows of but the table here: what
makes a run asks `find` for the launcher of a launch type.
"""

from collections.abc import Callable, Sequence
import dataclasses
import importlib
from typing import Any

from quinoa_acme.runs import experiment as experiment_lib

# By Launchpad's name of the launch type, the package that has a `LAUNCHER`.
_PACKAGES = {'vertex_ai': 'quinoa_acme.runs.distributed.vertex_ai'}
LAUNCH_TYPES = tuple(_PACKAGES)


class LaunchError(ValueError):
  """A program can not be launched elsewhere; says why, and what to do."""


@dataclasses.dataclass(frozen=True)
class Launcher:
  """Launches a run's program on other machines.

  Attributes:
    machines: the type of what says which machines the nodes have; without
      arguments it makes the default.
    default_workdir: `default_workdir(name)` gives a folder, by its name, that
      all nodes share; raises a `LaunchError` if there is none.
    launch: `launch(config, machines, allow_changes)` hands the program over,
      which goes on by itself; raises a `LaunchError` if it can not.
  """

  machines: Callable[[], Any]
  default_workdir: Callable[[str], str]
  launch: Callable[[experiment_lib.ExperimentConfig, Any, Sequence[str]], None]


def find(launch_type: str | None) -> Launcher | None:
  """The launcher of a launch type; None for one of this machine."""
  if launch_type not in _PACKAGES:
    return None
  return importlib.import_module(_PACKAGES[launch_type]).LAUNCHER
