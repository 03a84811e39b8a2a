"""Counts, shared by the parts of a run; as Acme's `counting.Counter`."""

from collections.abc import Mapping
import threading
import time
from typing import Any, Protocol

from quinoa_acme.utils import core

Number = int | float
Counts = dict[str, Number]


class AnyCounter(Protocol):
  """A `Counter`, Acme's, or a proxy of one in another process."""

  def increment(self, **counts: Number) -> Counts:
    """Adds to the counts; returns all of them."""
    ...

  def get_counts(self) -> Counts:
    """All counts."""
    ...


class Counter(core.Saveable):
  """Counts, and reports to a parent now and then.

  Results and intervals are those of Acme's counter.
  """

  def __init__(
    self,
    parent: AnyCounter | None = None,
    prefix: str = '',
    time_delta: float = 1.0,
    return_only_prefixed: bool = False,
  ):
    """Makes the counter.

    Args:
      parent: receives the counts, possibly in another process.
      prefix: of this counter's names in the parent, before an underscore.
      time_delta: seconds between two reports to the parent.
      return_only_prefixed: return only the counts with the prefix, without it.
    """
    self._parent = parent
    self._prefix = prefix
    self._time_delta = time_delta
    self._return_only_prefixed = return_only_prefixed
    # The counts that the parent does not have yet, and its own.
    self._counts: Counts = {}
    self._cache: Mapping[str, Number] = {}
    self._lock = threading.Lock()
    self._last_report = 0.0

  def increment(self, **counts: Number) -> Counts:
    """Adds to the counts.

    Args:
      **counts: what to add, by name.

    Returns:
      All counts, the parent's included.
    """
    with self._lock:
      for key, value in counts.items():
        self._counts[key] = self._counts.get(key, 0) + value
    return self.get_counts()

  def get_counts(self) -> Counts:
    """All counts, the parent's included as of the last report."""
    now = time.time()
    if self._parent and now - self._last_report > self._time_delta:
      with self._lock:
        counts = self._prefixed()
        self._counts = {}
      self._cache = self._parent.increment(**counts)
      self._last_report = now
    counts = self._prefixed()
    for key, value in self._cache.items():
      counts[key] = counts.get(key, 0) + value
    if self._prefix and self._return_only_prefixed:
      prefix = f'{self._prefix}_'
      return {
        key.removeprefix(prefix): value
        for key, value in counts.items()
        if key.startswith(prefix)
      }
    return counts

  def save(self) -> Mapping[str, Any]:
    """Returns the counts."""
    return {'counts': self._counts, 'cache': self._cache}

  def restore(self, state: Mapping[str, Any]) -> None:
    """Resumes from a state of `save`; the next call reports to the parent."""
    self._last_report = 0.0
    self._counts = state['counts']
    self._cache = state['cache']

  def _prefixed(self) -> Counts:
    prefix = f'{self._prefix}_' if self._prefix else ''
    return {f'{prefix}{key}': value for key, value in self._counts.items()}
