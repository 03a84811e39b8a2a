"""Tests of videos: real pictures of a real task, read back from the file."""

import gc
import sys

import dm_env
import numpy as np
import pytest
import warm

from quinoa_acme.runs.watching import rendering
from quinoa_acme.runs.watching import videos

# imageio-ffmpeg 0.8.1 leaves the pipes of its ffmpeg open.
pytestmark = pytest.mark.filterwarnings(
  'ignore::ResourceWarning',
  'ignore::pytest.PytestUnraisableExceptionWarning',
)


@pytest.fixture(autouse=True)
def _collect_what_imageio_leaves():
  yield
  gc.collect()


# In a process of its own, whose dm_control is not yet imported.
_FILM = """
import sys
from quinoa_acme.runs.watching import rendering
backend = rendering.choose_backend()
from quinoa_acme import environments
from quinoa_acme.runs.watching import videos
environment = environments.make_environment('control:cartpole:swingup', 0)
camera = videos.Camera(environment)
timestep = environment.reset()
camera.take()
for _ in range(20):
  timestep = environment.step(environment.action_spec().maximum)
  camera.take()
videos.write(sys.argv[1], camera.frames, camera.frames_per_second)
print(len(camera.frames), camera.frames_per_second)

def draw(environment):
  return environment.physics.render(64, 64)

# A new terrain each episode: the renderer must have that of the last one.
drawn, undrawn = [
  environments.make_environment('control:quadruped:escape', 0) for _ in range(2)
]
drawn.reset()
first = draw(drawn)
drawn.reset()
undrawn.reset()
undrawn.reset()
second = draw(drawn)
print((first != second).any(), (second == draw(undrawn)).all())
"""


@pytest.mark.slow
def test_a_video_is_of_the_task_and_in_its_pace(tmp_path):
  path = tmp_path / 'film.mp4'
  result = warm.run('-c', _FILM, str(path), cwd=tmp_path)
  if 'Nothing renders here' in result.stderr:
    pytest.skip(result.stderr.strip().splitlines()[-1])
  assert result.returncode == 0, result.stderr
  # Steps of 10 ms, of which every second one is shown.
  assert result.stdout.split() == ['11', '50.0', 'True', 'True']
  import imageio.v2

  with imageio.v2.get_reader(path) as reader:
    frames = [np.int32(frame) for frame in reader]
    assert reader.get_meta_data()['fps'] == 50.0
  assert len(frames) == 11
  assert frames[0].shape == (480, 640, 3)
  assert frames[0].std() > 5
  # The pole is pushed, and moves.
  assert np.abs(frames[-1] - frames[0]).max() > 50
  assert [x.name for x in tmp_path.iterdir()] == ['film.mp4']


_FILM_GYMNASIUM = """
import sys
from quinoa_acme.runs.watching import rendering
rendering.choose_backend()
from quinoa_acme import environments
from quinoa_acme.runs.watching import videos
factory = environments.EnvironmentFactory('gymnasium:HalfCheetah-v5')
environment = videos.make_drawable(factory)(0)
camera = videos.Camera(environment)
environment.reset()
camera.take()
for _ in range(4):
  environment.step(environment.action_spec().maximum)
  camera.take()
videos.write(sys.argv[1], camera.frames, camera.frames_per_second)
environment.close()
print(len(camera.frames), camera.frames_per_second)
"""


@pytest.mark.slow
def test_a_video_is_made_of_an_environment_of_gymnasium_s(tmp_path):
  path = tmp_path / 'film.mp4'
  result = warm.run('-c', _FILM_GYMNASIUM, str(path), cwd=tmp_path)
  if 'Nothing renders here' in result.stderr:
    pytest.skip(result.stderr.strip().splitlines()[-1])
  assert result.returncode == 0, result.stderr
  # Its model is one that MuJoCo warns of.
  assert 'settotalmass' not in result.stderr
  assert 'Traceback' not in result.stderr
  assert result.stdout.split() == ['5', '20.0']
  import imageio.v2

  with imageio.v2.get_reader(path) as reader:
    frames = [np.int32(frame) for frame in reader]
  assert len(frames) == 5
  assert frames[0].shape == (480, 480, 3)
  assert frames[0].std() > 5
  assert np.abs(frames[-1] - frames[0]).max() > 50
  # MuJoCo's own log of warnings is not there either.
  assert [x.name for x in tmp_path.iterdir()] == ['film.mp4']


def test_what_can_not_be_filmed_is_refused(point_mass):
  environment: dm_env.Environment = point_mass(0)
  with pytest.raises(ValueError, match='Videos are made of environments of'):
    videos.Camera(environment)


@pytest.mark.parametrize(
  ('name', 'message'),
  [
    ('film.gif', r'must end in \.mp4'),
    ('nowhere/film.mp4', 'There is no folder'),
  ],
)
def test_a_file_that_can_not_be_written_is_refused(tmp_path, name, message):
  with pytest.raises(ValueError, match=message):
    videos.check_writable(tmp_path / name)


def test_without_the_extra_it_is_named(tmp_path, monkeypatch):
  monkeypatch.setitem(sys.modules, 'imageio_ffmpeg', None)
  with pytest.raises(ValueError, match=r"pip install 'quinoa-acme\[video\]'"):
    videos.check_writable(tmp_path / 'film.mp4')


def test_a_backend_that_does_not_render_says_why(monkeypatch):
  monkeypatch.setenv('MUJOCO_GL', 'no-such-backend')
  with pytest.raises(
    rendering.RenderingError, match='no-such-backend'
  ) as error:
    rendering.choose_backend()
  assert 'MUJOCO_GL unset' in str(error.value)
