"""Draws figure 2: the policy in the state where it has the most modes.

  python experiments/figure2.py --output=docs/images

draws it from the committed data in `experiments/results/figure2`, for the
`paper` preset, and from `figure2_default`, for the default;

  python experiments/figure2.py --workdir=runs/walker

makes such data from a run of Quinoa, by a search over the states that its
policy visits, and draws them; they go into the run's folder, or to `--output`.
MuJoCo renders the state by EGL or OSMesa.
"""

import pathlib
import runpy

_ROOT = pathlib.Path(__file__).resolve().parents[1]
runpy.run_path(str(_ROOT / 'quinoa_acme' / '_preflight.py'))['run']()
runpy.run_path(str(_ROOT / 'quinoa_acme' / 'utils' / 'resources.py'))[
  'configure_process'
]('learner')

import sys  # noqa: E402

from absl import flags  # noqa: E402
from matplotlib import image as image_lib  # noqa: E402

from experiments.lib import figures  # noqa: E402
from experiments.lib import policy_figure  # noqa: E402
from quinoa_acme.runs import running  # noqa: E402
from quinoa_acme.runs import scripts  # noqa: E402
from quinoa_acme.runs.watching import rendering  # noqa: E402

_RESULTS = _ROOT / 'experiments' / 'results'
_COMMITTED = ('figure2', 'figure2_default')

_WORKDIR = flags.DEFINE_string(
  'workdir', None, 'The run; by default committed data.'
)
_ENVIRONMENT = flags.DEFINE_string(
  'environment',
  None,
  "Your own function that makes the run's environment from a seed: "
  'module:function, or path/to/file.py:function.',
)
_OUTPUT = flags.DEFINE_string(
  'output',
  None,
  "The output folder; by default the run's.",
)
_STATES = flags.DEFINE_integer(
  'num_states', 1000, 'How many states to search.', lower_bound=1
)
_EVERY = flags.DEFINE_integer(
  'every', 5, 'Environment steps between two of them.', lower_bound=1
)
_SEED = flags.DEFINE_integer(
  'seed', 0, 'For search and samples.', lower_bound=0
)


def main(argv: list[str]) -> None:
  """Runs the script."""
  scripts.begin(argv)
  try:
    output, workdir = _OUTPUT.value, _WORKDIR.value
    if output is not None:
      scripts.check_output('output', output)
    if workdir is not None:
      folder = pathlib.Path(output or workdir) / 'figure2'
      _make_data(workdir, folder)
      _draw(folder, folder / 'figure2.png')
    elif output is not None:
      draw_committed(pathlib.Path(output))
    else:
      raise ValueError(
        '--output is not set: the folder for the pictures of committed data.'
      )
  except (OSError, RuntimeError, ValueError) as error:
    sys.exit(f'error: {error}')


def draw_committed(images: pathlib.Path) -> None:
  """Draws the pictures of docs/results.md into a folder."""
  for name in _COMMITTED:
    _draw(_RESULTS / name, images / f'{name}.png')


def _draw(folder: pathlib.Path, picture: pathlib.Path) -> None:
  """Draws the data of a folder, and describes them."""
  data = policy_figure.PolicyInState.read(folder / 'data.json')
  state = image_lib.imread(folder / 'state.png')
  figures.save(policy_figure.draw(data, state), picture)
  print(policy_figure.describe(data.about))
  print(picture)


def _make_data(workdir: str, folder: pathlib.Path) -> None:
  """Searches a run, and writes the data of its figure."""
  # First, because dm_control chooses a renderer when it is imported.
  rendering.choose_backend()
  data, picture = policy_figure.make(
    running.read_config(workdir, _ENVIRONMENT.value),
    num_states=_STATES.value,
    every=_EVERY.value,
    seed=_SEED.value,
  )
  data.write(folder / 'data.json')
  image_lib.imsave(folder / 'state.png', picture)


if __name__ == '__main__':
  scripts.run(main)
