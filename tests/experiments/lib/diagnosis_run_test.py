"""The script that judges flows, by a run of seconds."""

from absl import flags
from absl.testing import flagsaver
import experiment_scripts
import numpy as np
import pytest

from experiments.lib import csv_files
from experiments.lib import diagnosis_table
from quinoa_acme import environments
from quinoa_acme.agents import quinoa
from quinoa_acme.runs import experiment
from quinoa_acme.runs import local
from quinoa_acme.runs import trained as trained_lib
from quinoa_acme.runs.checkpoints import run_state

_TASK = 'control:cartpole:balance'
_SMALL = (
  '--candidates=energy,tilted',
  '--num_critics=2',
  '--num_updates=3',
  '--num_states=8',
  '--episodes=1',
)


@pytest.fixture(scope='module')
def script():
  with experiment_scripts.load('diagnose_flow') as loaded:
    yield loaded.names


def _config(workdir, num_steps=150) -> experiment.ExperimentConfig:
  return experiment.ExperimentConfig(
    agent=quinoa.QuinoaConfig.debug(),
    environment_factory=environments.EnvironmentFactory(_TASK),
    env_name=_TASK,
    workdir=str(workdir),
    num_steps=num_steps,
    eval_every=1000,
    evaluation_episodes=1,
  )


@pytest.fixture(scope='module')
def run(tmp_path_factory) -> experiment.ExperimentConfig:
  config = _config(tmp_path_factory.mktemp('run'))
  config.write_json()
  local.run(config)
  return config


def _main(script, *arguments):
  with flagsaver.flagsaver():  # A flag of one call is none of the next.
    flags.FLAGS(['diagnose_flow', *arguments])
    script['main'](['diagnose_flow'])


@pytest.mark.slow
def test_a_run_is_diagnosed_and_the_page_renewed(script, run, tmp_path, capsys):
  table, page = tmp_path / 'found.csv', tmp_path / 'page.md'
  page.write_text(
    f'Before\n{diagnosis_table.BEGIN}\n{diagnosis_table.END}\nAfter\n'
  )
  arguments = (f'--workdir={run.workdir}', f'--output={table}', *_SMALL)
  _main(script, *arguments, '--seed=3', f'--page={page}')
  rows = csv_files.read(table)
  names = ['ensemble', 'critic', 'energy', 'tilted']
  assert [row['candidate'] for row in rows] == names
  for row in rows:
    # Two of 150 steps wait for what follows them, when the run ends.
    assert (row['task'], row['transitions']) == (_TASK, '148')
    assert row['seed'] == '3'
    assert float(row['error']) >= 0.0
    assert -1.0 <= float(row['correlation_uniform']) <= 1.0
    # An episode of 1000 steps at up to one each: below 1 / (1 - 0.99).
    assert 0.0 < float(row['discounted_return']) < 100.0
    assert float(row['soft_return']) <= float(row['discounted_return']) + 1.0
    # Couplings alone have inner coordinates.
    assert bool(row['saturated_variance']) == (row['candidate'] == 'tilted')
  text = page.read_text()
  assert text.startswith('Before\n')
  assert text.endswith('After\n')
  assert f'\n{diagnosis_table.make_table(rows)}\n' in text
  assert '| tilted |' in capsys.readouterr().out


@pytest.mark.slow
def test_the_replay_of_a_run_is_restored(run):
  trained = trained_lib.restore(run, 'test')
  replay = trained_lib.restore_replay(run, trained.spec)
  assert replay.reward.shape == (148,)
  assert replay.extras.weight.shape == (148, 2)
  # The first steps of an episode follow each other.
  np.testing.assert_array_equal(
    replay.observation['position'][1]
    if isinstance(replay.observation, dict)
    else replay.observation[1],
    replay.extras.observation[0, 0],
  )
  [episode] = trained_lib.follow(trained, 1, seed=0)
  assert episode.rewards.shape == (1000,)
  assert len(episode.observations) == len(episode.actions) == 1000
  assert episode.was_cut


@pytest.mark.slow
def test_a_folder_of_another_kind_is_refused(script, run, tmp_path):
  output = f'--output={tmp_path / "found.csv"}'
  with pytest.raises(SystemExit, match=r'There is no .*config\.json'):
    _main(script, output, f'--workdir={tmp_path}')
  # As a distributed run leaves it: a learner, and no replay.
  config = _config(tmp_path)
  config.write_json()
  with pytest.raises(SystemExit, match='has no checkpoint'):
    _main(script, output, f'--workdir={tmp_path}')
  run_state.save_learner(
    str(tmp_path), trained_lib.restore(run, 'test').learner
  )
  with pytest.raises(SystemExit, match='run_distributed=false'):
    _main(script, output, f'--workdir={tmp_path}')
  assert not (tmp_path / 'found.csv').exists()


def test_what_flags_say_is_looked_at_first(script, tmp_path):
  table = tmp_path / 'other.csv'
  table.write_text('a,b\n')
  output = f'--output={table}'
  with pytest.raises(SystemExit, match="unknown 'energi'; did you mean"):
    _main(script, output, '--candidates=energi')
  with pytest.raises(SystemExit, match='other columns'):
    _main(script, output, '--candidates=energy')
  table.unlink()
  with pytest.raises(SystemExit, match='--workdir of a run'):
    _main(script, output)
  (tmp_path / 'page.md').write_text('')
  diagnosis_table.write(table, [])
  before = table.read_text()
  with pytest.raises(SystemExit, match='must have the lines'):
    _main(script, output, f'--page={tmp_path / "page.md"}')
  assert table.read_text() == before
