"""Videos of a policy in action."""

from collections.abc import Callable, Iterable
import dataclasses
import functools
import os
import pathlib
from typing import Any
import warnings

import dm_env
import numpy as np

from quinoa_acme import environments

# Nobody sees more frames per second than this.
_MAX_FRAMES_PER_SECOND = 50.0
_HEIGHT, _WIDTH = 480, 640


class Camera:
  """Takes pictures of an environment, at the rate of its own time."""

  def __init__(self, environment: dm_env.Environment):
    """Makes the camera.

    Args:
      environment: an environment of the Control Suite, or one with
        `frames_per_second` and `render`, such as a `GymnasiumAdapter`; wrapped
        or not.

    Raises:
      ValueError: if it is of another kind.
    """
    # Acme's wrappers forward attributes that they lack.
    own: Any = environment
    try:
      if hasattr(own, 'physics'):
        timestep = float(own.control_timestep())
        self._render = functools.partial(
          own.physics.render, height=_HEIGHT, width=_WIDTH, camera_id=0
        )
      else:
        timestep = 1.0 / own.frames_per_second
        self._render: Callable[[], np.ndarray] = own.render
    except AttributeError:
      raise ValueError(
        'Videos are made of environments of the Control Suite and of '
        'Gymnasium, or of your own with `frames_per_second` and `render()`, '
        'which returns a picture, uint8 [H, W, 3]; this one lacks them.'
      ) from None
    # One frame is shown per this many steps.
    self._every = max(1, round(1.0 / (timestep * _MAX_FRAMES_PER_SECOND)))
    self._steps = 0
    self.frames: list[np.ndarray] = []
    self.frames_per_second = 1.0 / (timestep * self._every)

  def take(self) -> None:
    """Takes a picture, uint8 [H, W, 3], if it is due; call it every step."""
    if self._steps % self._every == 0:
      self.frames.append(self._render())
    self._steps += 1


def make_drawable(
  factory: Callable[[int], dm_env.Environment],
) -> Callable[[int], dm_env.Environment]:
  """Makes a factory of the same environments with rendering enabled.

  Args:
    factory: makes an environment from a seed; your own is left unchanged.

  Returns:
    The factory.
  """
  if isinstance(factory, environments.EnvironmentFactory):
    return dataclasses.replace(factory, renders=True)
  return factory


def check_writable(path: str | os.PathLike[str]) -> None:
  """Checks that a video can be written, before one is made.

  Args:
    path: the file.

  Raises:
    ValueError: if the extra `video` is not installed, the name does not end in
      .mp4, or the folder does not exist.
  """
  path = pathlib.Path(path)
  if path.suffix != '.mp4':
    raise ValueError(f'A video must end in .mp4, but is {path}.')
  if not path.absolute().parent.is_dir():
    raise ValueError(f'There is no folder {path.absolute().parent}.')
  _imageio()


def write(
  path: str | os.PathLike[str],
  frames: Iterable[np.ndarray],
  frames_per_second: float,
) -> None:
  """Writes a video; the file is complete or does not exist.

  Args:
    path: the file, ending in .mp4.
    frames: pictures, uint8 [H, W, 3].
    frames_per_second: the frame rate.
  """
  path = pathlib.Path(path)
  aside = path.with_suffix('.tmp.mp4')
  with warnings.catch_warnings():
    # JAX warns about forks. This one becomes ffmpeg at once, and takes no lock.
    warnings.filterwarnings('ignore', message=r'os\.fork', module='subprocess')
    # Any even size, which the codec accepts; by default ffmpeg scales pictures
    # to multiples of 16.
    with _imageio().get_writer(
      aside, fps=frames_per_second, macro_block_size=2
    ) as writer:
      for frame in frames:
        writer.append_data(frame)
  os.replace(aside, path)


def _imageio() -> Any:
  try:
    import imageio.v2
    import imageio_ffmpeg  # noqa: F401  imageio looks for it too late.
  except ModuleNotFoundError as error:
    raise ValueError(
      f'Videos need {error.name}, which is not installed. Install the extra '
      "`video`: pip install 'quinoa-acme[video]', or in the source tree `uv "
      'sync --extra video`.'
    ) from None
  return imageio.v2
