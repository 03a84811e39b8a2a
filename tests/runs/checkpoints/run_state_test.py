"""Tests of what a run keeps on disk: a file that is damaged is named."""

import pytest

from quinoa_acme.runs.checkpoints import run_folder
from quinoa_acme.runs.checkpoints import run_state


@pytest.mark.parametrize(
  'text', ['not JSON', '', '[1]', '{"actor_steps": "many"}', '\xff\xfe']
)
def test_garbage_is_named_by_its_file(tmp_path, text):
  workdir = str(tmp_path)
  run_state.save_counts(workdir, {'actor_steps': 300})
  run_state.save_last_evaluation(workdir, 200)
  assert run_state.restore_counts(workdir)['actor_steps'] == 300
  assert run_state.last_evaluation(workdir) == 200
  for name, read in (
    ('counts.json', run_state.restore_counts),
    ('evaluation.json', run_state.last_evaluation),
  ):
    (tmp_path / 'checkpoints' / name).write_bytes(text.encode('latin-1'))
    with pytest.raises(run_folder.WorkdirError) as error:
      read(workdir)
    [line] = str(error.value).splitlines()
    assert str(tmp_path / 'checkpoints' / name) in line
