"""The tutorial's Python runs, one block after the other."""

import pathlib
import re

import fresh
import pytest

_DOCS = pathlib.Path(__file__).resolve().parents[1] / 'docs'

# The same blocks, in a second each.
_SHORTER = {
  'itertools.islice(episodes, 10)': 'itertools.islice(episodes, 1)',
  'agent=QuinoaConfig(),': 'agent=QuinoaConfig.debug(),',
  'num_steps=20_000,': 'num_steps=400, evaluation_episodes=1,',
}


@pytest.mark.slow
def test_the_tutorial_runs(tmp_path):
  text = (_DOCS / 'tutorial.md').read_text()
  blocks = re.findall(r'```python\n(.*?)```', text, re.DOTALL)
  for line, shorter in _SHORTER.items():
    assert text.count(line) == 1, line
    blocks = [block.replace(line, shorter) for block in blocks]
  blocks.append('print(deeper.agent.flow.num_couplings, "couplings")')
  output = fresh.run_code('\n'.join(blocks), tmp_path)
  # Two steps of 400 wait in the adder, so that the last five updates do too.
  assert re.search(r'^295 updates$', output, re.MULTILINE)
  # The density's integral.
  integral = float(re.findall(r'^\d\.\d{3}$', output, re.MULTILINE)[-1])
  assert 0.9 < integral < 1.1
  assert len(list((tmp_path / 'runs' / 'cartpole').glob('*.png'))) == 2
  assert '8 couplings' in output.splitlines()
