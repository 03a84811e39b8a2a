"""A run that an earlier version has made acts, and goes on.

Each folder of `earlier_runs/` is one, by its version: of the debug preset in
cartpole, 400 steps in one process.
"""

import csv
import dataclasses
import pathlib
import shutil

import numpy as np
import pytest

import quinoa_acme

_FOLDERS = sorted((pathlib.Path(__file__).parent / 'earlier_runs').iterdir())
_NUM_STEPS = 400
# What the policy did when the run was made: by version, the action in each
# observation.
_OBSERVATIONS = np.array([[0, 1, 0, 0, 0], [0.5, 0.8, 0.6, -1.0, 0.3]])
_ACTIONS = {'0.1.0': [[-0.30067348], [-0.40649652]]}


@pytest.mark.parametrize('folder', _FOLDERS, ids=lambda path: path.name)
def test_its_policy_acts_as_it_did(folder):
  policy = quinoa_acme.load_policy(folder, mode='mode')
  np.testing.assert_allclose(
    policy(_OBSERVATIONS), _ACTIONS[folder.name], atol=1e-4
  )


@pytest.mark.slow
@pytest.mark.parametrize('folder', _FOLDERS, ids=lambda path: path.name)
def test_it_goes_on_where_it_was(folder, tmp_path):
  workdir = tmp_path / 'run'
  shutil.copytree(folder, workdir)
  before = quinoa_acme.load_policy(workdir).learner_steps
  config = dataclasses.replace(
    quinoa_acme.read_config(workdir), num_steps=_NUM_STEPS + 100
  )
  assert quinoa_acme.run(config, None, allow_changes=['num_steps']) == 0
  # The debug preset makes one SGD step of an environment step.
  assert quinoa_acme.load_policy(workdir).learner_steps == before + 100
  with (workdir / 'logs' / 'evaluator.csv').open(newline='') as file:
    steps = [int(row['actor_steps']) for row in csv.DictReader(file)]
  assert steps == [0, _NUM_STEPS, _NUM_STEPS + 100]
