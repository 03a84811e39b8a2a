"""Files, the table, and what is called a loss."""

import dataclasses

import numpy as np
import pytest

from benchmarks import lines as lines_lib
from benchmarks import report
from benchmarks import turns as turns_lib

_LOWER = lines_lib.Line(
  'time', 'a run', 'ours', 'theirs', 's', bar=0.5, reach=0.25
)
_HIGHER = dataclasses.replace(
  _LOWER, name='rate', unit='updates/s', better='higher', bar=1.5, reach=2.5
)


def _samples(ratio: float, noise: float = 0.02, size: int = 20, seed: int = 0):
  rng = np.random.default_rng(seed)
  ours, peer = np.exp(noise * rng.normal(size=(2, size)))
  return lines_lib.Samples(tuple(ratio * ours), tuple(peer))


def _verdict(line, old, new) -> str:
  [change] = report.compare([line], {line.name: old}, {line.name: new})
  return change.verdict


@pytest.mark.parametrize(
  ('line', 'up'), [(_LOWER, 'worse'), (_HIGHER, 'better')]
)
def test_a_change_beyond_the_noise_is_seen(line, up):
  old = _samples(1.0)
  down = {'worse': 'better', 'better': 'worse'}[up]
  assert _verdict(line, old, _samples(1.3, seed=1)) == up
  assert _verdict(line, old, _samples(1 / 1.3, seed=1)) == down


def test_a_change_within_the_noise_is_none():
  for seed in range(1, 20):
    # A few percent are what two runs differ by.
    new = _samples(1.05, seed=seed)
    assert _verdict(_LOWER, _samples(1.0), new) == 'no difference shown'
    # Noise as large as the change hides it.
    noisy = _samples(1.3, noise=0.8, seed=seed)
    assert _verdict(_LOWER, _samples(1.0), noisy) != 'better'


def test_another_machine_is_no_change():
  old = _samples(1.0)
  new = lines_lib.Samples(
    tuple(7 * x for x in old.ours), tuple(7 * x for x in old.peer)
  )
  assert _verdict(_LOWER, old, new) == 'no difference shown'


def test_single_samples_are_compared_with_more_allowance():
  one = lines_lib.Samples((1.0,), (1.0,))
  for factor, verdict in (
    (1.15, 'no difference shown'),
    (1.3, 'worse'),
    (0.7, 'better'),
  ):
    new = lines_lib.Samples((factor,), (1.0,))
    assert _verdict(_LOWER, one, new) == verdict


def test_only_shared_lines_are_compared():
  old = {'time': _samples(1.0)}
  new = {'time': _samples(1.0), 'rate': _samples(1.0)}
  changes = report.compare([_LOWER, _HIGHER], old, new)
  assert [change.line.name for change in changes] == ['time']
  assert 'time  ratio times 1.00' in report.format_changes(changes)
  with pytest.raises(ValueError, match='no line was measured both'):
    report.compare([_HIGHER], old, new)


def test_a_file_keeps_what_was_not_measured_again(tmp_path):
  path = tmp_path / 'new' / 'speed.json'
  report.write(path, {'time': _samples(1.0), 'rate': _samples(1.0)}, {'at': 1})
  report.write(path, {'rate': _samples(2.0)}, {'at': 2})
  assert report.read(path) == {'time': _samples(1.0), 'rate': _samples(2.0)}
  assert '"at": 1' in path.read_text()
  assert '"at": 2' in path.read_text()


def _write(folder, processor, day, commit='abc', names=('time',)):
  path = report.path_of(folder, processor)
  description = {
    'machine': {'processor': processor, 'cores': 2},
    'when': f'2026-11-{day:02}T10:00:00',
    'commit': commit,
  }
  report.write(path, {name: _samples(1.0) for name in names}, description)
  return path


def test_each_processor_has_a_file_and_a_headline(tmp_path):
  with pytest.raises(FileNotFoundError, match='run `make bench`'):
    report.newest_first(tmp_path)
  slow = _write(tmp_path, 'Intel(R) Xeon(R) Processor @ 2.50GHz', 3)
  assert slow.name == 'intel-xeon-processor-2.50ghz.json'
  fast = _write(tmp_path, 'AMD EPYC', 2)
  assert report.newest_first(tmp_path) == [slow, fast]
  _write(tmp_path, 'AMD EPYC', 4, 'def', names=['rate'])
  assert report.newest_first(tmp_path) == [fast, slow]
  assert report.headline(fast) == (
    '**AMD EPYC, 2 cores; 2026-11-02, 2026-11-04, commit abc, def**'
  )
  here = report.describe()['machine']['processor']
  assert report.path_of(tmp_path) == report.path_of(tmp_path, here)


def test_a_description_says_what_was_measured_on():
  description = report.describe()
  assert description['machine']['cores'] >= 1
  assert description['packages']['jax'].count('.') == 2
  assert description['commit']


def test_the_table():
  measured = {'time': _samples(0.4), 'rate': _samples(3.0)}
  slow = dataclasses.replace(_LOWER, name='slow')
  absolute = dataclasses.replace(
    _LOWER, name='start', judged='ours', bar=3.0, reach=1.5
  )
  measured |= {'slow': _samples(0.6), 'start': _samples(2.0)}
  missing = dataclasses.replace(_LOWER, name='missing')
  table = [_LOWER, _HIGHER, slow, absolute, missing]
  lines = report.format_table(table, measured).splitlines()
  assert {line.count('|') for line in lines} == {10}
  ends = [line.rsplit('|', 4)[1:4] for line in lines[2:]]
  assert [[x.strip() for x in end] for end in ends] == [
    ['≤ 0.5', '≤ 0.25', 'met'],
    ['≥ 1.5', '≥ 2.5', 'reached'],
    ['≤ 0.5', '≤ 0.25', 'missed'],
    ['≤ 3 s', '≤ 1.5 s', 'met'],
    ['≤ 0.5', '≤ 0.25', ''],
  ]
  assert 'not measured' in lines[-1]


def test_the_page_has_a_place_for_the_table():
  page = (turns_lib.ROOT / 'docs' / 'speed.md').read_text()
  put = report.put('| a |', page)
  assert '\n| a |\n' in put
  assert report.put('| b |', put) == put.replace('| a |', '| b |')


def test_a_page_without_marks_is_refused():
  with pytest.raises(ValueError, match='must have the marks'):
    report.put('| a |', '# Speed')
