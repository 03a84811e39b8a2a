"""The files of figure 2: committed data, or data of a run."""

import pathlib

from absl import flags
from matplotlib import image as image_lib

from experiments.lib import figures
from experiments.lib import places
from experiments.lib import policy_figure
from quinoa_acme.runs import running
from quinoa_acme.runs import scripts
from quinoa_acme.runs.watching import rendering

_COMMITTED = ('figure2', 'figure2_default')


def run(values: flags.FlagValues) -> None:
  """Draws a run, or the committed data.

  Args:
    values: the flags of `figure2.py`.

  Raises:
    OSError: if there is no such run, or nothing can be written.
    RuntimeError: if no backend renders the state.
    ValueError: if flags do not fit, or the run is of another kind.
  """
  output, workdir = values.output, values.workdir
  if output is not None:
    scripts.check_output('output', output)
  if workdir is not None:
    draw_run(
      workdir,
      values.environment,
      pathlib.Path(output or workdir) / 'figure2',
      num_states=values.num_states,
      every=values.every,
      seed=values.seed,
    )
  elif output is not None:
    draw_committed(pathlib.Path(output))
  else:
    raise ValueError(
      '--output is not set: the folder for the pictures of committed data.'
    )


def draw_committed(images: pathlib.Path) -> None:
  """Draws the pictures of docs/results.md.

  Args:
    images: the folder for them.
  """
  for name in _COMMITTED:
    draw(places.RESULTS / name, images / f'{name}.png')


def draw(folder: pathlib.Path, picture: pathlib.Path) -> None:
  """Draws the data of a folder, and describes them.

  Args:
    folder: with `data.json` and `state.png`.
    picture: the file for the figure.
  """
  data = policy_figure.PolicyInState.read(folder / 'data.json')
  state = image_lib.imread(folder / 'state.png')
  figures.save(policy_figure.draw(data, state), picture)
  print(policy_figure.describe(data.about))
  print(picture)


def draw_run(
  workdir: str,
  environment: str | None,
  folder: pathlib.Path,
  *,
  num_states: int,
  every: int,
  seed: int,
) -> None:
  """Searches a run, and writes and draws the data of its figure.

  Args:
    workdir: the run's folder.
    environment: the factory of its environment, if that is the user's own.
    folder: for the data and the figure.
    num_states: number of states to search.
    every: environment steps between two of them.
    seed: for search and samples.
  """
  # First, because dm_control chooses a renderer when it is imported.
  rendering.choose_backend()
  data, picture = policy_figure.make(
    running.read_config(workdir, environment),
    num_states=num_states,
    every=every,
    seed=seed,
  )
  data.write(folder / 'data.json')
  image_lib.imsave(folder / 'state.png', picture)
  draw(folder, folder / 'figure2.png')
