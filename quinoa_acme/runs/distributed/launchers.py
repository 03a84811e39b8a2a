"""Launchers of a run's program on other machines.

Each is a separate folder, known only to the table here: the code that starts a
run asks `find` for the launcher of a launch type.
"""

from collections.abc import Callable, Sequence
import dataclasses
import importlib
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
  from quinoa_acme.runs import experiment as experiment_lib

# For each of Launchpad's launch types, the package that has a `LAUNCHER`.
_PACKAGES = {'vertex_ai': 'quinoa_acme.runs.distributed.vertex_ai'}
LAUNCH_TYPES = tuple(_PACKAGES)


class LaunchError(ValueError):
  """A program cannot be launched elsewhere; says why, and what to do."""


@dataclasses.dataclass(frozen=True)
class Launcher:
  """Launches a run's program on other machines.

  Attributes:
    machines: the type that describes the nodes' machines; called without
      arguments, it makes the default.
    default_workdir: `default_workdir(name)` returns the folder with that name
      which all nodes share; raises a `LaunchError` if there is none.
    launch: `launch(config, machines, allow_changes)` hands over the program,
      which then runs by itself; raises a `LaunchError` if it cannot.
  """

  machines: Callable[[], Any]
  default_workdir: Callable[[str], str]
  launch: (
    'Callable[[experiment_lib.ExperimentConfig, Any, Sequence[str]], None]'
  )


def find(launch_type: str | None) -> Launcher | None:
  """The launcher of a launch type; None for a type of this machine."""
  if launch_type not in _PACKAGES:
    return None
  return importlib.import_module(_PACKAGES[launch_type]).LAUNCHER
