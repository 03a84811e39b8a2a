"""Pictures of an environment, also on a machine without a display.

MuJoCo renders by EGL (with a GPU or Mesa's software), OSMesa (software) or GLFW
(with a display). `MUJOCO_GL` selects one when dm_control is first imported. By
default dm_control uses GLFW wherever it is installed, and without a display
fails at the first picture.

For the doctor, this file imports only the standard library.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
  import numpy as np

BACKENDS = ('egl', 'osmesa', 'glfw')
MEND = (
  'Install EGL or OSMesa (Debian and Ubuntu: `apt install libegl1'
  ' libgl1-mesa-dri`, or `apt install libosmesa6`)'
)
_PROBE_SECONDS = 60.0
# In a separate process, because a library with missing parts may crash it.
_PROBE = """
import os, sys
import mujoco
model = mujoco.MjModel.from_xml_string(
  '<mujoco><worldbody><geom size="1"/></worldbody></mujoco>'
)
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
renderer = mujoco.Renderer(model, 16, 16)
renderer.update_scene(data)
assert renderer.render().shape == (16, 16, 3)
print('rendered', flush=True)
os._exit(0)
"""


class RenderingError(RuntimeError):
  """Nothing can be rendered here; says why, and what to do."""


def why_not(backend: str) -> str | None:
  """Checks whether MuJoCo can render with a backend.

  Args:
    backend: one of `BACKENDS`.

  Returns:
    None if it can, otherwise the last line of the error.
  """
  try:
    result = subprocess.run(
      [sys.executable, '-c', _PROBE],
      env={**os.environ, 'MUJOCO_GL': backend},
      capture_output=True,
      text=True,
      timeout=_PROBE_SECONDS,
      check=False,
    )
  except subprocess.TimeoutExpired:
    return f'no picture within {_PROBE_SECONDS:g} s'
  if result.stdout.strip() == 'rendered':
    return None
  lines = result.stderr.strip().splitlines()
  return lines[-1] if lines else f'exit status {result.returncode}'


def choose_backend() -> str:
  """Chooses how this process renders; call it before importing dm_control.

  A choice that the user has made with `MUJOCO_GL` is kept.

  Returns:
    The backend.

  Raises:
    RenderingError: if none renders, or if the user's choice does not.
  """
  chosen = os.environ.get('MUJOCO_GL')
  reasons = {}
  for backend in (chosen,) if chosen else BACKENDS:
    reason = why_not(backend)
    if reason is None:
      os.environ['MUJOCO_GL'] = backend
      return backend
    reasons[backend] = reason
  tried = '; '.join(f'{name}: {reason}' for name, reason in reasons.items())
  hint = ', or leave MUJOCO_GL unset' if chosen else ''
  raise RenderingError(f'Nothing renders here ({tried}). {MEND}{hint}.')


def render(
  environment: Any, state: np.ndarray, size: int, camera: int = 0
) -> np.ndarray:
  """Draws a state of a task of the Control Suite.

  Args:
    environment: of the task; its own state is overwritten.
    state: the physics' state, from `physics.get_state`, [P].
    size: height and width in pixels.
    camera: the number of the camera.

  Returns:
    The picture, uint8 of shape [size, size, 3].
  """
  physics = environment.physics
  with physics.reset_context():
    physics.set_state(state)
  return physics.render(height=size, width=size, camera_id=camera)
