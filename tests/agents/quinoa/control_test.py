"""Quinoa on a small control task, in one process: it learns."""

import dataclasses

import numpy as np
import pytest

from quinoa_acme import networks as networks_lib
from quinoa_acme.agents import quinoa
from quinoa_acme.runs import experiment
from quinoa_acme.runs import local


def _chance(make_environment, num_episodes: int = 50) -> float:
  """The mean return of uniformly random actions."""
  rng = np.random.default_rng(0)
  environment = make_environment(0)
  returns = []
  for _ in range(num_episodes):
    environment.reset()
    returns.append(0.0)
    while True:
      timestep = environment.step(rng.uniform(-1, 1, 1).astype(np.float32))
      returns[-1] += timestep.reward
      if timestep.last():
        break
  return float(np.mean(returns))


# Sizes and the horizon of this task; all else is the default's.
_SIZES = dataclasses.replace(
  quinoa.QuinoaConfig.debug(),
  flow=networks_lib.TiltedFlowConfig(num_couplings=2, hidden_sizes=(32,)),
  fit=quinoa.CriticFit(hidden_sizes=(64,)),
  value_hidden_sizes=(64,),
  learning_rate=1e-3,
  discount=0.95,
  batch_size=64,
  samples_per_insert=64.0,
  num_sgd_steps_per_step=5,
  min_replay_size=300,
)
_CONFIGS = {
  'default': _SIZES,
  # Equation 3 itself, with a prior that follows.
  'direct': dataclasses.replace(
    _SIZES,
    flow=networks_lib.RealNVPConfig(num_couplings=2, hidden_sizes=(32,)),
    fit=quinoa.DirectFit(),
    temperature=quinoa.FixedTemperature(0.2),
    prior=quinoa.LaggedPrior(quinoa.Polyak(0.005), flatness=0.1),
    target=quinoa.Polyak(0.005),
  ),
  # The same loss, with a flow that gives V, and a term that holds Q.
  'energy': dataclasses.replace(
    _SIZES,
    flow=networks_lib.EnergyFlowConfig(hidden_sizes=(64, 64)),
    fit=quinoa.DirectFit(proximity=0.3),
    evaluation_policy=quinoa.Sample(),
  ),
}


@pytest.mark.slow
@pytest.mark.computes
@pytest.mark.parametrize(
  ('name', 'seed'),
  [
    ('default', 0),
    ('default', 1),
    ('default', 2),
    ('direct', 0),
    ('energy', 0),
    ('energy', 1),
  ],
)
def test_returns_rise_far_above_chance(tmp_path, point_mass, name, seed):
  status = local.run(
    experiment.ExperimentConfig(
      agent=_CONFIGS[name],
      environment_factory=point_mass,
      env_name='point_mass',
      workdir=str(tmp_path),
      num_steps=3000,
      seed=seed,
      eval_every=3000,
      evaluation_episodes=10,
    )
  )
  chance = _chance(point_mass)
  assert status.finished
  # The best possible is below 50; single lucky episodes of chance's reach 26.
  assert chance < 10
  assert status.evaluation_return > 40
