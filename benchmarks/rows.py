"""What is measured, row by row; a row gives lines of the table."""

from collections.abc import Callable, Collection, Mapping
import contextlib
import csv
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import time
from typing import Any

from benchmarks import lines as lines_lib
from benchmarks import sbx_environment
from benchmarks import turns as turns_lib
from quinoa_acme.utils import resources

Measured = dict[str, lines_lib.Samples]

_SAC = "Acme's SAC, 256 by 256"
# Updates that a run of so many steps may lack: those of the steps before it
# learns, the limiter's window, and what was read ahead when the actors ended.
_LATE_STEPS = 1200
# Of an actor that has several, and the transitions of an item of its replay.
_ENVIRONMENTS = 16

# Whose policies are exported.
_EXPORTED = ('direct', 'default')

LINES: tuple[lines_lib.Line, ...] = (
  lines_lib.Line(
    'learner_default',
    'learner, data ready: each as it comes',
    'default preset, scans of 10',
    f'{_SAC}, one by one',
    'updates/s',
    bar=1.5,
    reach=2.5,
    better='higher',
  ),
  lines_lib.Line(
    'learner_one_by_one',
    'learner, data ready: one by one',
    'default preset, one by one',
    f'{_SAC}, one by one',
    'updates/s',
    bar=1.5,
    reach=2.5,
    better='higher',
  ),
  lines_lib.Line(
    'learner_scans_of_50',
    'learner, data ready: scans of 50',
    'default preset, scans of 50',
    f'{_SAC}, scans of 50',
    'updates/s',
    bar=1.5,
    reach=2.5,
    better='higher',
  ),
  lines_lib.Line(
    'learner_direct',
    'learner, data ready: each as it comes, of equal width',
    'direct preset, 256 by 256, scans of 10',
    f'{_SAC}, one by one',
    'updates/s',
    bar=2.0,
    reach=3.0,
    better='higher',
  ),
  lines_lib.Line(
    'learner_direct_scans_of_50',
    'learner, data ready: scans of 50, of equal width',
    'direct preset, 256 by 256, scans of 50',
    f'{_SAC}, scans of 50',
    'updates/s',
    bar=2.0,
    reach=3.0,
    better='higher',
  ),
  lines_lib.Line(
    'learner_reverb',
    'learner, Reverb in the loop',
    'default preset, samples of a Reverb server',
    'default preset, data ready',
    'updates/s',
    bar=0.9,
    reach=0.97,
    better='higher',
  ),
  lines_lib.Line(
    'learner_reverb_items',
    'learner, Reverb in the loop',
    f'default preset, items of {_ENVIRONMENTS} transitions',
    'default preset, data ready',
    'updates/s',
    bar=0.9,
    reach=0.97,
    better='higher',
  ),
  lines_lib.Line(
    'one_core',
    'one process on one core, wall clock of a run',
    '`--run_distributed=false`',
    "Acme's local SAC agent",
    's a turn',
    bar=0.4,
    reach=0.25,
    statistic='mean',
  ),
  lines_lib.Line(
    'sbx_one_core',
    'one process on one core, wall clock of a run',
    '`--run_distributed=false`',
    "SBX's SAC",
    's a turn',
    bar=1.0,
    reach=0.5,
    statistic='mean',
  ),
  lines_lib.Line(
    'one_process',
    'one process with two cores, wall clock of a run',
    '`--run_distributed=false`',
    "Acme's local SAC agent",
    's a turn',
    bar=0.4,
    reach=0.25,
    statistic='mean',
  ),
  lines_lib.Line(
    'sbx',
    'one process with two cores, wall clock of a run',
    '`--run_distributed=false`',
    "SBX's SAC",
    's a turn',
    bar=1.0,
    reach=0.5,
    statistic='mean',
  ),
  lines_lib.Line(
    'local_mp',
    '`local_mp`, from the command to the last update',
    '`run_quinoa.py`, with its evaluator',
    "Acme's DistributedSAC, without one",
    's',
    bar=0.6,
    reach=0.4,
  ),
  lines_lib.Line(
    'first_step',
    '`local_mp`, from the command to the first update',
    '`run_quinoa.py`',
    "Acme's DistributedSAC",
    's',
    bar=20.0,
    reach=10.0,
    judged='ours',
  ),
  lines_lib.Line(
    'actor',
    'actor in cheetah-run: policy, adder, Reverb',
    'default preset, one environment',
    'the environment alone',
    'steps/s',
    bar=0.5,
    reach=0.8,
    better='higher',
  ),
  lines_lib.Line(
    'actor_of_several',
    'actor in cheetah-run: policy, adder, Reverb',
    f'default preset, {_ENVIRONMENTS} environments, items of as many',
    'the environment alone',
    'steps/s',
    bar=0.5,
    reach=0.8,
    better='higher',
  ),
  lines_lib.Line(
    'import_package',
    'process that imports the package',
    '`import quinoa_acme`',
    '`import jax`',
    's',
    bar=3.0,
    reach=1.5,
    judged='ours',
  ),
  lines_lib.Line(
    'import_policy',
    'process that loads a saved policy',
    '`quinoa_acme.load_policy(workdir)`',
    '`import jax`',
    's',
    bar=3.0,
    reach=1.5,
    judged='ours',
  ),
  *(
    lines_lib.Line(
      f'exported_{preset}',
      'one action of a trained policy for cheetah-run, on one core',
      f'{preset} preset, exported as ONNX',
      '`quinoa_acme.load_policy(workdir)`',
      'µs',
      bar=50.0,
      reach=25.0,
      judged='ours',
    )
    for preset in _EXPORTED
  ),
)


@dataclasses.dataclass(frozen=True)
class Setting:
  """How a row is measured.

  Attributes:
    folder: for logs and runs.
    quick: fewer and shorter samples, to see that all works.
  """

  folder: pathlib.Path
  quick: bool

  def choose(self, full: int, quick: int) -> int:
    """One of two sizes."""
    return quick if self.quick else full

  def worker(
    self,
    name: str,
    *arguments: Any,
    python: str = sys.executable,
    cores: Collection[int] | None = None,
  ) -> turns_lib.Worker:
    """Starts a module of `benchmarks.workers`, with XLA's cache on disk."""
    return turns_lib.Worker(
      name,
      [python, '-m', f'benchmarks.workers.{name}', *map(str, arguments)],
      _cached(),
      self.folder / f'{name}.log',
      cores,
    )


def _cached() -> dict[str, str]:
  """Peers too find on the disk what XLA has compiled for them before."""
  return {'JAX_COMPILATION_CACHE_DIR': str(resources.compilation_cache())}


def _samples(taken: Mapping[str, list[float]]) -> lines_lib.Samples:
  return lines_lib.Samples(tuple(taken['ours']), tuple(taken['peer']))


def measure_learner(setting: Setting) -> Measured:
  """Updates a second with data ready, three ways."""
  pairs = {
    'learner_default': ((10, 10), (1, 50)),
    'learner_one_by_one': ((1, 50), (1, 50)),
    'learner_scans_of_50': ((50, 2), (50, 2)),
  }
  return _measure_learners(setting, 'quinoa', pairs)


def measure_direct(setting: Setting) -> Measured:
  """The same of the direct preset, as wide as its peer, two ways."""
  pairs = {
    'learner_direct': ((10, 10), (1, 50)),
    'learner_direct_scans_of_50': ((50, 2), (50, 2)),
  }
  return _measure_learners(setting, 'direct', pairs)


def _measure_learners(
  setting: Setting,
  name_of_ours: str,
  pairs: Mapping[str, tuple[tuple[int, int], tuple[int, int]]],
) -> Measured:
  """Updates a second, by turns, for updates and calls of each by line."""
  repeats = setting.choose(15, 3)
  measured = {}
  with (
    setting.worker('learner', name_of_ours) as ours,
    setting.worker('learner', 'sac') as peer,
  ):
    for name, (our_turn, peer_turn) in pairs.items():
      measures = {
        which: (
          lambda worker=worker, scan=scan, calls=calls: worker.take(
            scan=scan, calls=calls, item=0
          )
        )
        for which, worker, (scan, calls) in (
          ('ours', ours, our_turn),
          ('peer', peer, peer_turn),
        )
      }
      measured[name] = _samples(turns_lib.alternate(measures, repeats))
  return measured


def measure_reverb(setting: Setting) -> Measured:
  """Updates a second from Reverb's samples, over those with data ready."""
  return {
    'learner_reverb': _measure_reverb(setting, 1),
    'learner_reverb_items': _measure_reverb(setting, _ENVIRONMENTS),
  }


def _measure_reverb(setting: Setting, item: int) -> lines_lib.Samples:
  with setting.worker('learner', 'quinoa') as learner:
    taken = turns_lib.alternate(
      {
        'ours': lambda: learner.take(scan=10, calls=10, item=item),
        'peer': lambda: learner.take(scan=10, calls=10, item=0),
      },
      setting.choose(20, 3),
    )
  return _samples(taken)


def measure_one_core(setting: Setting) -> Measured:
  """As `measure_one_process`, each held to the same core."""
  measured = _measure_one_process(setting, {min(os.sched_getaffinity(0))})
  names = {'one_process': 'one_core', 'sbx': 'sbx_one_core'}
  return {names[name]: samples for name, samples in measured.items()}


def measure_one_process(setting: Setting) -> Measured:
  """Seconds of the turns of a run, each of so many environment steps."""
  return _measure_one_process(setting, None)


def _measure_one_process(
  setting: Setting, cores: Collection[int] | None
) -> Measured:
  num_turns = setting.choose(20, 8)
  steps_per_turn = setting.choose(500, 200)
  size = num_turns * steps_per_turn, steps_per_turn
  try:
    sbx = sbx_environment.python()
  except sbx_environment.NotInstalledError as error:
    print(f'Left out: {error}', flush=True)
    sbx = None
  with contextlib.ExitStack() as stack:

    def start(name: str, **options: Any) -> turns_lib.Worker:
      # A run that is there already would go on.
      folder = setting.folder / ('all_cores' if cores is None else 'one') / name
      folder.mkdir(parents=True, exist_ok=True)
      worker = setting.worker(name, *size, folder, cores=cores, **options)
      return stack.enter_context(worker)

    workers = {
      'ours': start('quinoa_local'),
      'one_process': start('sac_local'),
    }
    if sbx is not None:
      workers['sbx'] = start('sbx_sac', python=sbx)
    taken = turns_lib.alternate(
      {name: worker.take for name, worker in workers.items()}, num_turns
    )
  ours = tuple(taken.pop('ours'))
  return {
    name: lines_lib.Samples(ours, tuple(peer)) for name, peer in taken.items()
  }


def measure_local_mp(setting: Setting) -> Measured:
  """Seconds to the first update and to the last, of whole programs."""
  num_steps = setting.choose(5000, 2000)
  repeats = setting.choose(2, 1)
  programs = {'ours': _run_quinoa, 'peer': _run_distributed_sac}
  for name, run in programs.items():
    # What is compiled then is on the disk for all that follow.
    run(setting.folder / f'warm_{name}', 1200)
  first: dict[str, list[float]] = {name: [] for name in programs}
  last: dict[str, list[float]] = {name: [] for name in programs}
  for i in range(repeats):
    order = list(programs)
    for name in order if i % 2 == 0 else reversed(order):
      times = programs[name](setting.folder / f'{name}_{i}', num_steps)
      first[name].append(times[0])
      last[name].append(times[1])
  return {'first_step': _samples(first), 'local_mp': _samples(last)}


def _run_quinoa(folder: pathlib.Path, num_steps: int) -> tuple[float, float]:
  command = [
    'experiments/run_quinoa.py',
    '--lp_launch_type=local_mp',
    '--env_name=control:cheetah:run',
    f'--num_steps={num_steps}',
    f'--eval_every={num_steps}',
    '--evaluation_episodes=1',
    f'--workdir={folder}',
  ]
  table = folder / 'logs' / 'learner.csv'

  def learner_steps() -> float:
    if not table.exists():
      return 0.0
    with table.open(newline='') as file:
      rows = list(csv.DictReader(file))
    return float(rows[-1]['learner_steps'] or 0) if rows else 0.0

  return _time_program(command, {}, folder, learner_steps, num_steps)


def _run_distributed_sac(
  folder: pathlib.Path, num_steps: int
) -> tuple[float, float]:
  folder.mkdir(parents=True)
  updates = num_steps - _LATE_STEPS
  module = 'benchmarks.workers.distributed_sac'
  command = ['-m', module, str(num_steps), str(updates), str(folder)]
  counts = folder / 'counts.json'

  def learner_steps() -> float:
    if not counts.exists():
      return 0.0
    return json.loads(counts.read_text()).get('learner_steps', 0.0)

  env = {
    **_cached(),
    'PYTHONPATH': str(turns_lib.ROOT),
    'LAUNCHPAD_LOGGING_DIR': str(folder / 'nodes'),
  }
  return _time_program(command, env, folder, learner_steps, num_steps)


def _time_program(
  command: list[str],
  env: Mapping[str, str],
  folder: pathlib.Path,
  learner_steps: Callable[[], float],
  num_steps: int,
) -> tuple[float, float]:
  """Seconds from the command to the first update, and to the last one.

  Raises:
    RuntimeError: if the program fails, or ends before.
  """
  log = folder.with_suffix('.log')
  enough = num_steps - _LATE_STEPS
  first = last = None
  with log.open('w') as file:
    started = time.monotonic()
    process = subprocess.Popen(
      [sys.executable, *command],
      cwd=turns_lib.ROOT,
      env={**os.environ, **env},
      stdin=subprocess.DEVNULL,
      stdout=file,
      stderr=file,
    )
    try:
      while process.poll() is None:
        # Asked before the counts are read, so that none is missed at the end.
        now = time.monotonic() - started
        steps = learner_steps()
        first = now if first is None and steps else first
        last = now if last is None and steps >= enough else last
        time.sleep(0.1)
    finally:
      if process.poll() is None:
        process.terminate()
        process.wait()
  # Launchpad kills itself where nodes do not stop in time, as Acme's do not.
  if process.returncode > 0 or first is None or last is None:
    raise RuntimeError(
      f'{command[0:2]} ended with status {process.returncode} before '
      f'{enough} updates; see {log}.'
    )
  return first, last


def measure_actor(setting: Setting) -> Measured:
  """Steps a second of an actor, over those of its environment alone."""
  # Turns of equal times, about.
  return {
    'actor': _measure_actor(setting, 1, setting.choose(1000, 300)),
    'actor_of_several': _measure_actor(
      setting, _ENVIRONMENTS, setting.choose(3200, 800)
    ),
  }


def _measure_actor(
  setting: Setting, num_environments: int, steps: int
) -> lines_lib.Samples:
  with setting.worker('replay_server', num_environments) as replay:
    address = replay.take()
    with setting.worker('actor', address, num_environments) as actor:
      taken = turns_lib.alternate(
        {
          'ours': lambda: actor.take(acts=True, steps=steps),
          'peer': lambda: actor.take(acts=False, steps=steps),
        },
        setting.choose(20, 3),
      )
  return _samples(taken)


def measure_imports(setting: Setting) -> Measured:
  """Seconds of whole processes, Python's own start included."""
  workdir = setting.folder / 'saved'
  command = [
    'experiments/run_quinoa.py',
    '--run_distributed=false',
    '--preset=default',
    '--num_steps=1011',
    '--evaluation_episodes=1',
    f'--workdir={workdir}',
  ]
  _run_quietly(command)
  load = f'import quinoa_acme; quinoa_acme.load_policy({str(workdir)!r})'
  measured = {}
  for name, ours in (
    ('import_package', 'import quinoa_acme'),
    ('import_policy', load),
  ):
    measures = {'ours': ours, 'peer': 'import jax'}
    taken = turns_lib.alternate(
      {
        which: lambda code=code: _run_quietly(['-c', code])
        for which, code in measures.items()
      },
      setting.choose(5, 2),
    )
    measured[name] = _samples(taken)
  return measured


def measure_exported(setting: Setting) -> Measured:
  """Microseconds an action, of an exported policy and of JAX's."""
  core = {min(os.sched_getaffinity(0))}
  measured = {}
  for preset in _EXPORTED:
    workdir = setting.folder / preset
    folder = setting.folder / f'{preset}_exported'
    _run_quietly(
      [
        'experiments/run_quinoa.py',
        '--run_distributed=false',
        '--env_name=control:cheetah:run',
        f'--preset={preset}',
        '--num_steps=1011',
        '--evaluation_episodes=1',
        f'--workdir={workdir}',
      ]
    )
    _run_quietly(
      ['-m', 'quinoa_acme', 'export', str(workdir), f'--output={folder}']
    )
    with setting.worker('policy', workdir, folder, cores=core) as policy:
      taken = turns_lib.alternate(
        {
          'ours': lambda: policy.take(exported=True, calls=2000),
          'peer': lambda: policy.take(exported=False, calls=500),
        },
        setting.choose(15, 3),
      )
    measured[f'exported_{preset}'] = _samples(taken)
  return measured


def _run_quietly(arguments: list[str]) -> float:
  """The seconds of a Python process.

  Raises:
    RuntimeError: if it fails; with the end of what it printed.
  """
  started = time.monotonic()
  process = subprocess.run(
    [sys.executable, *arguments],
    cwd=turns_lib.ROOT,
    capture_output=True,
    text=True,
    check=False,
  )
  seconds = time.monotonic() - started
  if process.returncode:
    raise RuntimeError(f'{arguments} failed:\n{process.stderr[-1000:]}')
  return seconds


# Each with the minutes that it takes on two quiet cores, and at `--quick`.
ROWS: dict[str, tuple[Callable[[Setting], Measured], float, float]] = {
  'learner': (measure_learner, 1.5, 0.7),
  'direct': (measure_direct, 1.0, 0.5),
  'reverb': (measure_reverb, 2.0, 1.0),
  'one_core': (measure_one_core, 8.0, 2.0),
  'one_process': (measure_one_process, 6.0, 1.5),
  'local_mp': (measure_local_mp, 5.0, 3.0),
  'actor': (measure_actor, 1.3, 0.8),
  'imports': (measure_imports, 1.2, 0.8),
  'exported': (measure_exported, 1.5, 1.2),
}
