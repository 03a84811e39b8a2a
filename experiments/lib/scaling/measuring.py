"""Runs of several numbers of actors, each measured while it learns."""

from collections.abc import Iterable
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

from experiments.lib import csv_files
from experiments.lib import places
from experiments.lib.scaling import moments
from quinoa_acme.agents import quinoa
from quinoa_acme.runs import experiment

_ENV_NAME = 'control:cheetah:run'
# Longer than any start on a working machine.
_START_SECONDS = 900.0
PACES = {
  'limited': (),
  # So wide that the limiter never holds anything back.
  'free': ('--samples_per_insert_tolerance=1e6',),
}


class Times(NamedTuple):
  """How long a run is looked at.

  Attributes:
    warm_up: seconds of learning before.
    seconds: of the measurement.
  """

  warm_up: float
  seconds: float


def measure_all(
  numbers: Iterable[int], times: Times, table: pathlib.Path
) -> None:
  """Measures each number of actors at each pace, and writes the rows.

  Args:
    numbers: of actors.
    times: how long each run is looked at.
    table: the CSV file.

  Raises:
    RuntimeError: if a run does not start to learn, or ends.
  """
  about = {
    'env_name': _ENV_NAME,
    'cores': len(os.sched_getaffinity(0)),
    'processor': _processor(),
    **experiment.describe_source(),
  }
  rows = []
  for pace in PACES:
    for num_actors in numbers:
      row = measure(num_actors, pace, times)
      rounded = {key: round(value, 4) for key, value in row.items()}
      rows.append({'pace': pace, 'actors': num_actors, **rounded, **about})
      print(json.dumps(rows[-1]), flush=True)
  csv_files.write(table, list(rows[0]), rows)


def _processor() -> str:
  text = pathlib.Path('/proc/cpuinfo').read_text()
  names = re.findall(r'^model name\s*: (.*)$', text, re.M)
  return names[0] if names else 'an unknown processor'


def measure(num_actors: int, pace: str, times: Times) -> dict[str, float]:
  """Starts a run, measures it once it learns, and kills it.

  Args:
    num_actors: the number of its actors.
    pace: a key of `PACES`.
    times: how long it is looked at.

  Returns:
    The row of `moments.make_row`.

  Raises:
    RuntimeError: if the run does not start to learn, or ends.
  """
  with tempfile.TemporaryDirectory() as folder:
    workdir = pathlib.Path(folder) / 'run'
    with _start(workdir, num_actors, pace) as process:
      try:
        return _measure(workdir, process, times)
      finally:
        # Its nodes end with it.
        process.kill()
        process.wait()
        while moments.find_nodes(process.pid):
          time.sleep(0.1)


def _start(
  workdir: pathlib.Path, num_actors: int, pace: str
) -> subprocess.Popen:
  return subprocess.Popen(
    [
      sys.executable,
      str(places.SCRIPTS / 'run_quinoa.py'),
      '--lp_launch_type=local_mp',
      f'--env_name={_ENV_NAME}',
      f'--num_actors={num_actors}',
      f'--workdir={workdir}',
      '--num_steps=100000000',
      # One, at the start.
      '--eval_every=100000000',
      '--evaluation_episodes=1',
      *PACES[pace],
    ],
    stdout=subprocess.DEVNULL,
    stderr=subprocess.PIPE,
    text=True,
    start_new_session=True,
  )


def _measure(
  workdir: pathlib.Path, process: subprocess.Popen, times: Times
) -> dict[str, float]:
  deadline = time.monotonic() + _START_SECONDS
  evaluations = workdir / 'logs' / 'evaluator.csv'

  def look_at_it() -> moments.Moment | None:
    if process.poll() is not None:
      raise RuntimeError(f'The run ended: {process.communicate()[1]}')
    return moments.look(workdir, process.pid)

  while True:
    now = look_at_it()
    is_evaluated = evaluations.exists() and evaluations.stat().st_size > 0
    if now and now.learner_steps > 0 and is_evaluated:
      break
    if time.monotonic() > deadline:
      raise RuntimeError(f'No learning within {_START_SECONDS:g} s.')
    time.sleep(0.2)
  time.sleep(times.warm_up)
  before = look_at_it()
  time.sleep(times.seconds)
  after = look_at_it()
  assert before
  assert after
  return moments.make_row(before, after, quinoa.QuinoaConfig().batch_size)
