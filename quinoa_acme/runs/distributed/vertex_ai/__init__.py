"""Launches a run's program on Google Cloud: Launchpad's Vertex AI launch.

Here is what the program needs on other machines: a machine for each kind of
node, an image with the code and exactly the versions installed here, and checks
that all of it can work. docs/beyond-one-machine.md says what to set.

It imports xmanager, from the extra `vertex`, only when it launches.
"""

from quinoa_acme.runs.distributed import launchers
from quinoa_acme.runs.distributed.vertex_ai.images import installed_requirements
from quinoa_acme.runs.distributed.vertex_ai.launching import launch
from quinoa_acme.runs.distributed.vertex_ai.machines import Machine
from quinoa_acme.runs.distributed.vertex_ai.machines import Machines
from quinoa_acme.runs.distributed.vertex_ai.readiness import check_ready
from quinoa_acme.runs.distributed.vertex_ai.readiness import default_workdir
from quinoa_acme.runs.distributed.vertex_ai.readiness import VertexAIError

__all__ = (
  'LAUNCHER',
  'Machine',
  'Machines',
  'VertexAIError',
  'check_ready',
  'default_workdir',
  'installed_requirements',
  'launch',
)

LAUNCHER = launchers.Launcher(Machines, default_workdir, launch)
