"""The time of a part, by a clock and by the processor."""

import time

from experiments.lib import timing


def test_sleep_takes_time_of_a_clock_and_none_of_the_processor(capsys):
  timer = timing.Timer(seconds=0.05)
  found = timer.measure('sleep', lambda: time.sleep(0.005), 'of 5 ms')
  assert found.clock_us >= 5000.0
  assert found.processor_us < found.clock_us
  assert found.note == 'of 5 ms'
  assert capsys.readouterr().out.startswith('sleep: ')


def test_a_row_has_a_cell_for_each_field():
  part = timing.Part('adder', 12.345, float('nan'), 'of one step')
  assert part.cells() == {
    'part': 'adder',
    'clock_us': '12.3',
    'processor_us': 'nan',
    'note': 'of one step',
  }
