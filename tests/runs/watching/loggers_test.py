"""Tests of the loggers: no key, no row and no last value is lost."""

import csv
import functools
import math
import pathlib
import pickle
import struct
import subprocess
import sys
import tempfile
import time
from unittest import mock

from acme.utils.loggers import base as base_lib
import hypothesis
from hypothesis import strategies as st
import jax.numpy as jnp
import numpy as np
import psutil
import pytest
from tensorboard.backend.event_processing import event_accumulator
from tensorboardX.proto import event_pb2

from quinoa_acme.runs.watching import loggers as loggers_lib

_KEYS = st.text(st.characters(codec='utf-8'), min_size=1, max_size=8).filter(
  # The csv module takes no NUL, and the logger no carriage return.
  lambda text: '\r' not in text and '\0' not in text
)
_ROWS = st.lists(
  st.dictionaries(_KEYS, st.floats(), min_size=1, max_size=4), max_size=8
)


class _ListLogger(base_lib.Logger):
  """Remembers what it was given."""

  def __init__(self):
    self.rows = []
    self.closed = False

  def write(self, data: base_lib.LoggingData) -> None:
    self.rows.append(dict(data))

  def close(self) -> None:
    self.closed = True


def _write(path: pathlib.Path, *rows: base_lib.LoggingData) -> None:
  logger = loggers_lib.CSVLogger(path)
  for row in rows:
    logger.write(row)
  logger.close()


def _read_events(
  directory: pathlib.Path, tag: str
) -> list[tuple[int, float, float]]:
  """Reads the step, value and time of a tag without TensorBoard and its TF."""
  (path,) = directory.iterdir()
  content = path.read_bytes()
  rows, place = [], 0
  while place < len(content):
    # A record: its length, a checksum, the bytes, and another checksum.
    (length,) = struct.unpack_from('<Q', content, place)
    event = event_pb2.Event.FromString(content[place + 12 :][:length])
    place += 12 + length + 4
    rows += [
      (event.step, value.simple_value, event.wall_time)
      for value in event.summary.value
      if value.tag == tag
    ]
  return rows


def _same(left: dict[str, float], right: dict[str, float]) -> bool:
  return left.keys() == right.keys() and all(
    np.array_equal(left[key], right[key], equal_nan=True) for key in left
  )


def test_csv_grows_its_header_and_leaves_missing_cells_empty(tmp_path):
  path = tmp_path / 'new' / 'log.csv'
  _write(path, {'a': 1}, {'b': 2.5, 'a': 3}, {}, {'c': 'x, "y"'}, {'a': 4})
  with path.open(newline='') as file:
    assert [*csv.reader(file)] == [
      ['a', 'b', 'c'],
      ['1', '', ''],
      ['3', '2.5', ''],
      ['', '', 'x, "y"'],
      ['4', '', ''],
    ]
  assert [p.name for p in path.parent.iterdir()] == ['log.csv']


@hypothesis.settings(deadline=None, max_examples=40)
@hypothesis.given(_ROWS, st.integers(0, 8))
def test_csv_returns_every_row_also_after_a_resume(rows, split):
  with tempfile.TemporaryDirectory() as directory:
    path = pathlib.Path(directory) / 'log.csv'
    _write(path, *rows[:split])
    _write(path, *rows[split:])
    read = loggers_lib.read_rows(path)
  assert len(read) == len(rows)
  assert all(_same(a, b) for a, b in zip(read, rows, strict=True))


@hypothesis.settings(deadline=None, max_examples=60)
@hypothesis.given(st.data())
def test_csv_repairs_a_file_cut_anywhere(data):
  rows = [{'a': 1.25}, {'a': 2.0, 'text "\n"': 10.0}, {'a': -3.0}]
  with tempfile.TemporaryDirectory() as directory:
    path = pathlib.Path(directory) / 'log.csv'
    _write(path, *rows)
    whole = path.read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    # What one reads while it is torn is what there is after the repair.
    before = loggers_lib.read_rows(path)
    _write(path, {'a': 7.0})
    after = loggers_lib.read_rows(path)
  assert before == rows[: len(before)]
  assert after == [*before, {'a': 7.0}]
  # A cut between two lines loses nothing.
  assert len(before) == 3 or cut < len(whole)


def test_csv_flushes_every_row(tmp_path):
  logger = loggers_lib.CSVLogger(tmp_path / 'log.csv')
  logger.write({'a': 1.0})
  assert loggers_lib.read_rows(tmp_path / 'log.csv') == [{'a': 1.0}]
  logger.close()
  logger.close()
  with pytest.raises(ValueError, match='closed'):
    logger.write({'a': 2.0})


def test_csv_refuses_what_it_could_not_read_back(tmp_path):
  logger = loggers_lib.CSVLogger(tmp_path / 'log.csv')
  for row in ({'a': 'x\ry'}, {'x\ry': 1.0}):
    with pytest.raises(ValueError, match='no carriage return'):
      logger.write(row)
  logger.close()


def test_csv_keeps_the_old_file_when_the_new_header_cannot_be_written(tmp_path):
  path = tmp_path / 'log.csv'
  logger = loggers_lib.CSVLogger(path)
  logger.write({'a': 1.0})
  with (
    mock.patch('os.replace', side_effect=OSError('no space')),
    pytest.raises(OSError, match='no space'),
  ):
    logger.write({'b': 2.0})
  logger.write({'a': 3.0})
  logger.close()
  assert loggers_lib.read_rows(path) == [{'a': 1.0}, {'a': 3.0}]


def test_rows_after_the_step_that_a_run_goes_on_from_are_dropped(tmp_path):
  path = tmp_path / 'log.csv'
  loggers_lib.drop_rows_after(path, 'steps', 3)
  assert not path.exists()
  rows = [{'a': 1.0}, {'steps': 2.0}, {'steps': 3.0}, {'steps': 4.0, 'b': 1.0}]
  _write(path, *rows)
  loggers_lib.drop_rows_after(path, 'steps', math.inf)
  loggers_lib.drop_rows_after(path, 'other', 0)
  assert loggers_lib.read_rows(path) == rows
  # A row that is not whole goes too.
  path.write_bytes(path.read_bytes() + b'9')
  loggers_lib.drop_rows_after(path, 'steps', 3)
  assert loggers_lib.read_rows(path) == rows[:3]
  # No row is lost; those that are dropped later come below.
  aside = path.parent / 'undone' / path.name
  assert loggers_lib.read_rows(aside) == rows[3:]
  loggers_lib.drop_rows_after(path, 'steps', 2)
  assert loggers_lib.read_rows(aside) == [rows[3], rows[2]]
  _write(path, rows[2])
  _write(path, {'b': 5.0, 'steps': 4.0})
  assert loggers_lib.read_rows(path) == [*rows[:3], {'b': 5.0, 'steps': 4.0}]


def test_tensorboard_hides_what_a_run_makes_again(tmp_path):
  for last_step, values in ((math.inf, (1.0, 2.0, 3.0)), (2, (30.0,))):
    logger = loggers_lib.make_logger(
      tmp_path, 'learner', steps_key='steps', last_step=last_step
    )
    for value in values:
      logger.write({'steps': min(value, 3), 'loss': value})
    logger.close()
    # The files are read in the order of their names, which have the second.
    time.sleep(1.0)
  events = event_accumulator.EventAccumulator(
    str(tmp_path / 'tensorboard' / 'learner')
  ).Reload()
  scalars = [(x.step, x.value) for x in events.Scalars('loss')]
  assert scalars == [(1, 1.0), (2, 2.0), (3, 30.0)]


def test_rows_at_multiples_pass_whenever_the_run_was_cut():
  rows = _ListLogger()
  for steps in (range(5, 45, 5), range(45, 90, 5)):
    logger = loggers_lib.AtMultiples(rows, 'steps', 20)
    for step in steps:
      logger.write({'steps': step})
  assert [row['steps'] for row in rows.rows] == [20, 40, 60, 80]
  with pytest.raises(ValueError, match='num_steps must be at least 1'):
    loggers_lib.AtMultiples(rows, 'steps', 0)


def test_read_rows_names_the_file_with_text(tmp_path):
  _write(tmp_path / 'log.csv', {'a': 'word'})
  with pytest.raises(ValueError, match=r'log\.csv should hold numbers.*word'):
    loggers_lib.read_rows(tmp_path / 'log.csv')


def test_periodic_logger_passes_one_row_a_period_and_the_last():
  inner = _ListLogger()
  logger = loggers_lib.PeriodicLogger(inner, 10.0)
  for now in (0.0, 4.0, 9.9, 10.0, 19.0, 25.0, 26.0, 27.0):
    with mock.patch('time.monotonic', return_value=now):
      logger.write({'now': now})
  assert [row['now'] for row in inner.rows] == [0.0, 10.0, 25.0]
  logger.close()
  assert [row['now'] for row in inner.rows] == [0.0, 10.0, 25.0, 27.0]
  assert inner.closed


def test_periodic_logger_writes_no_row_twice():
  inner = _ListLogger()
  logger = loggers_lib.PeriodicLogger(inner, 0.0)
  logger.write({'a': 1})
  logger.write({'a': 2})
  logger.close()
  assert inner.rows == [{'a': 1}, {'a': 2}]


@pytest.mark.parametrize('seconds', [-1.0, math.nan, math.inf])
def test_periodic_logger_refuses_a_senseless_period(seconds):
  with pytest.raises(ValueError, match='finite number of seconds'):
    loggers_lib.PeriodicLogger(_ListLogger(), seconds)


def test_make_logger_writes_scalars_to_both_places(tmp_path):
  start = time.time()
  make = functools.partial(loggers_lib.make_logger, steps_key='steps')
  logger = pickle.loads(pickle.dumps(make))(tmp_path, 'learner')
  logger.write({'steps': np.int64(5), 'loss': jnp.float32(0.5)})
  logger.write({'steps': 10, 'loss': math.inf, 'done': np.bool_(True)})
  logger.close()

  first, second = loggers_lib.read_rows(tmp_path / 'logs' / 'learner.csv')
  clocks = first.pop('wall_clock'), second.pop('wall_clock')
  assert start <= clocks[0] <= clocks[1] <= time.time()
  assert first == {'steps': 5, 'loss': 0.5}
  assert second == {'steps': 10, 'loss': math.inf, 'done': 1}

  first, second = _read_events(tmp_path / 'tensorboard' / 'learner', 'loss')
  assert first == (5, 0.5, clocks[0])
  assert second == (10, math.inf, clocks[1])
  assert _read_events(tmp_path / 'tensorboard' / 'learner', 'wall_clock') == []


def test_make_logger_stamps_the_last_row_when_it_is_given(tmp_path):
  logger = loggers_lib.make_logger(
    tmp_path, 'actor_0', steps_key='steps', seconds=60.0
  )
  for now in (100.0, 101.0, 102.0):
    with mock.patch('time.time', return_value=now):
      logger.write({'steps': now})
  logger.close()
  rows = loggers_lib.read_rows(tmp_path / 'logs' / 'actor_0.csv')
  assert rows == [
    {'wall_clock': 100.0, 'steps': 100.0},
    {'wall_clock': 102.0, 'steps': 102.0},
  ]


def test_tensorboard_puts_a_row_without_steps_at_0(tmp_path):
  logger = loggers_lib.TensorBoardLogger(tmp_path, 'actor_steps')
  logger.write({'loss': 1.0})
  logger.close()
  ((step, _, _),) = _read_events(tmp_path, 'loss')
  assert step == 0


@pytest.mark.parametrize(
  'value', [np.zeros(2), jnp.zeros((1,)), 'text', None, 1j, object()]
)
def test_make_logger_names_the_key_that_is_no_scalar(tmp_path, value):
  logger = loggers_lib.make_logger(tmp_path, 'learner', steps_key='steps')
  with pytest.raises(TypeError, match=r"'loss' must be .* without dimensions"):
    logger.write({'steps': 1, 'loss': value})
  logger.close()


class _Stuck(_ListLogger):
  """Can not be closed."""

  def close(self) -> None:
    raise OSError('no room at the end')


def test_what_fails_at_the_end_leaves_no_other_open(tmp_path):
  others = [_ListLogger(), _ListLogger()]
  logger = loggers_lib.make_logger(
    tmp_path,
    'learner',
    steps_key='steps',
    extra=[others[0], _Stuck(), others[1]],
  )
  with pytest.raises(OSError, match='no room at the end'):
    logger.close()
  assert all(other.closed for other in others)
  opened = [file.path for file in psutil.Process().open_files()]
  assert not [path for path in opened if path.startswith(str(tmp_path))]


def test_a_held_row_that_has_no_room_leaves_no_logger_open():
  class Full(_ListLogger):
    def write(self, data: base_lib.LoggingData) -> None:
      if self.rows:
        raise OSError('no room for a row')
      super().write(data)

  full = Full()
  logger = loggers_lib.PeriodicLogger(full, 1000.0)
  logger.write({'loss': 1.0})
  logger.write({'loss': 2.0})
  with pytest.raises(OSError, match='no room for a row'):
    logger.close()
  assert full.closed


def test_terminal_logger_prints_one_plain_line(capsys):
  row = {
    'task': 'control:cartpole:swingup',
    'actor_steps': 1234567,
    'loss': jnp.float32(0.000123456),
    'episode_return': 987.654,
  }
  loggers_lib.TerminalLogger('evaluator').write(row)
  assert capsys.readouterr().out == (
    '[evaluator] task = control:cartpole:swingup | actor_steps = 1234567'
    ' | loss = 0.0001235 | episode_return = 987.7\n'
  )


def test_none_of_these_modules_imports_tensorflow():
  # In a process of its own, for this one may have imported it already.
  code = """
import sys
from quinoa_acme import environments
from quinoa_acme.utils import checkpointing
from quinoa_acme.runs.watching import loggers, plotting
heavy = {'tensorflow', 'reverb', 'matplotlib', 'dm_control'}
print(sorted(heavy & sys.modules.keys()))
"""
  result = subprocess.run(
    [sys.executable, '-c', code], capture_output=True, text=True, check=True
  )
  assert result.stdout == '[]\n'


def test_rows_have_their_frames_where_these_are_not_the_steps(tmp_path):
  for repeat in (1, 2):
    logger = loggers_lib.make_logger(
      tmp_path, f'{repeat}', steps_key='actor_steps', action_repeat=repeat
    )
    logger.write({'actor_steps': 50, 'loss': 1.0})
    logger.write({'learner_steps': 3})
    logger.close()
  first, second = loggers_lib.read_rows(tmp_path / 'logs' / '2.csv')
  assert first['actor_frames'] == 100
  assert 'actor_frames' not in second
  assert 'actor_frames' not in (tmp_path / 'logs' / '1.csv').read_text()
