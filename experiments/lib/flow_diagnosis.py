"""Flows judged by a regression on the targets that a run's critics make.

Each candidate is fitted by its TD loss alone, as an agent of
`QuinoaConfig.direct()` with that flow would be, and compared with an ensemble
of new critics.
"""

from collections.abc import Iterator, Sequence
import dataclasses
import platform
import time
from typing import Any

import jax

from experiments.lib import advantages
from quinoa_acme.agents import quinoa
from quinoa_acme.networks.flows import energy
from quinoa_acme.networks.flows import real_nvp
from quinoa_acme.networks.flows import tilted
from quinoa_acme.runs import experiment
from quinoa_acme.runs import trained as trained_lib
from quinoa_acme.utils import options

FLOWS = {
  'energy': energy.EnergyFlowConfig(),
  'energy-tilt': energy.EnergyFlowConfig(couplings=energy.TiltCouplings()),
  'energy-affine': energy.EnergyFlowConfig(couplings=energy.AffineCouplings()),
  'tilted': tilted.TiltedFlowConfig(),
  'real_nvp': real_nvp.RealNVPConfig(),
}
BATCH_SIZE = 256
_NUM_ACTIONS = 16

# The name of a row, and what was found.
_Found = tuple[str, advantages.Findings]


@dataclasses.dataclass(frozen=True)
class Sizes:
  """How much is fitted, and looked at.

  Attributes:
    seed: for everything random.
    num_critics: number of critics in the reference.
    num_updates: SGD steps of each, of 256 transitions each.
    num_states: number of held-out states to evaluate.
    num_episodes: number of episodes of the run's policy.
  """

  seed: int
  num_critics: int
  num_updates: int
  num_states: int
  num_episodes: int


def check_candidates(names: Sequence[str]) -> None:
  """Raises a ValueError if one is no key of `FLOWS`."""
  for name in names:
    if name not in FLOWS:
      raise ValueError(
        f'--candidates: unknown {name!r}'
        f'{options.suggest(name, list(FLOWS))} There are {", ".join(FLOWS)}.'
      )


def diagnose(
  run: experiment.ExperimentConfig, candidates: Sequence[str], sizes: Sizes
) -> Iterator[dict[str, Any]]:
  """Fits the reference and the candidates, and measures them.

  Args:
    run: a run with critics, in one process.
    candidates: keys of `FLOWS`.
    sizes: how much is fitted, and looked at.

  Yields:
    One row each for the ensemble, one more critic, and the candidates.

  Raises:
    ValueError: if the run is of another kind, or has not learned yet.
    FileNotFoundError: if it has no checkpoint.
  """
  started = time.process_time()
  advantages.check_agent(run.workdir, run.agent)
  assert isinstance(run.agent, quinoa.QuinoaConfig)
  assert isinstance(run.agent.fit, quinoa.CriticFit)
  trained = trained_lib.restore(run, f'diagnosis {sizes.seed}')
  replay = trained_lib.restore_replay(run, trained.spec)
  setting = advantages.prepare(
    trained,
    replay,
    num_states=sizes.num_states,
    num_actions=_NUM_ACTIONS,
    num_episodes=sizes.num_episodes,
    seed=sizes.seed,
  )
  about = {
    **_describe_run(run, trained, len(replay.reward)),
    **_describe_setting(setting, sizes),
    **_describe_machine(),
  }
  critic = advantages.make_critic(trained.spec, run.agent.fit)
  for name, found in _fit_all(trained, critic, candidates, setting, sizes):
    seconds, started = time.process_time() - started, time.process_time()
    yield {
      **about,
      'candidate': name,
      **dataclasses.asdict(found),
      'cpu_seconds': seconds,
    }


def _describe_run(
  run: experiment.ExperimentConfig,
  trained: trained_lib.Trained,
  num_transitions: int,
) -> dict[str, Any]:
  return {
    'task': run.env_name,
    'run_seed': run.seed,
    'run_updates': int(trained.learner.save().steps),
    'transitions': num_transitions,
  }


def _describe_setting(
  setting: advantages.Setting, sizes: Sizes
) -> dict[str, Any]:
  return {
    'temperature': float(setting.temperature),
    'seed': sizes.seed,
    'critics': sizes.num_critics,
    'updates': sizes.num_updates,
    'discounted_return': setting.discounted_return,
    'soft_return': setting.soft_return,
  }


def _describe_machine() -> dict[str, str]:
  return {
    'machine': f'{platform.machine()}, {platform.system()}',
    'device': jax.devices()[0].device_kind,
    'python': platform.python_version(),
    'jax': jax.__version__,
    **experiment.describe_source(),
  }


def _make_keys(sizes: Sizes) -> jax.Array:
  """A key for each critic of the ensemble, for one more, and for each flow."""
  key = jax.random.fold_in(jax.random.PRNGKey(sizes.seed), 1)
  return jax.random.split(key, sizes.num_critics + 1 + len(FLOWS))


def _fit_all(
  trained: trained_lib.Trained,
  critic: advantages.Regressor,
  candidates: Sequence[str],
  setting: advantages.Setting,
  sizes: Sizes,
) -> Iterator[_Found]:
  """Fits the critics, then the candidates; yields what was found of each."""
  keys = iter(_make_keys(sizes))
  fit = advantages.make_fit(critic, sizes.num_updates, BATCH_SIZE)
  values_of = advantages.make_values(critic, setting)
  ensemble = [
    values_of(fit(next(keys), setting.fitted)) for _ in range(sizes.num_critics)
  ]
  reference = advantages.mean_values(ensemble)
  yield 'ensemble', advantages.measure_ensemble(ensemble, setting)
  values = values_of(fit(next(keys), setting.fitted))
  yield 'critic', advantages.measure(values, reference, setting)
  # The key depends on its position, not on the other candidates.
  for name, key in zip(FLOWS, keys, strict=True):
    if name in candidates:
      yield (
        name,
        _fit_flow(trained, name, key, reference, setting, sizes.num_updates),
      )


def _fit_flow(
  trained: trained_lib.Trained,
  name: str,
  key: jax.Array,
  reference: advantages.Values,
  setting: advantages.Setting,
  num_updates: int,
) -> advantages.Findings:
  config = dataclasses.replace(quinoa.QuinoaConfig.direct(), flow=FLOWS[name])
  regressor = advantages.make_direct(trained.spec, config, setting.temperature)
  fit = advantages.make_fit(regressor, num_updates, BATCH_SIZE)
  params = fit(key, setting.fitted)
  values = advantages.make_values(regressor, setting)(params)
  return advantages.measure_flow(regressor, params, values, reference, setting)
