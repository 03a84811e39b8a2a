"""The time of a part of a run, by a clock and by the processor."""

from collections.abc import Callable
import dataclasses
import time
from typing import Any, NamedTuple

import jax
import numpy as np

_ROUND_SECONDS = 0.05


class Part(NamedTuple):
  """The measurement of one part.

  Attributes:
    part: its name.
    clock_us: wall-clock microseconds per call, the median of many rounds.
    processor_us: processor microseconds, over all threads of this process.
    note: how to read it.
  """

  part: str
  clock_us: float
  processor_us: float
  note: str = ''

  def cells(self) -> dict[str, str]:
    """The row of a table."""
    return {
      'part': self.part,
      'clock_us': f'{self.clock_us:.1f}',
      'processor_us': f'{self.processor_us:.1f}',
      'note': self.note,
    }


@dataclasses.dataclass(frozen=True)
class Timer:
  """Times parts, and prints what each takes.

  Attributes:
    seconds: for each part.
  """

  seconds: float

  def measure(self, part: str, call: Callable[[], Any], note: str = '') -> Part:
    """Calls repeatedly, leaving out the first calls, which compile.

    Args:
      part: what it is.
      call: makes it once; what it gives is waited for.
      note: what to read the numbers with.

    Returns:
      What was measured.
    """
    jax.block_until_ready([call() for _ in range(3)])
    started = time.perf_counter()
    call()
    a_round = max(1, int(_ROUND_SECONDS / (time.perf_counter() - started)))
    clock, processor = [], []
    result = None
    deadline = time.perf_counter() + self.seconds
    while not clock or time.perf_counter() < deadline:
      before = time.perf_counter(), time.process_time()
      for _ in range(a_round):
        result = call()
      jax.block_until_ready(result)
      clock.append((time.perf_counter() - before[0]) / a_round * 1e6)
      processor.append((time.process_time() - before[1]) / a_round * 1e6)
    found = Part(
      part, float(np.median(clock)), float(np.median(processor)), note
    )
    print(
      f'{part}: {found.clock_us:.1f} us, {found.processor_us:.1f} us of the '
      f'processor {note}',
      flush=True,
    )
    return found
