"""A trained policy, as a function from observations to actions.

  import quinoa_acme

  policy = quinoa_acme.load_policy('runs/mine')
  action = policy(observation)

This makes only the networks, and imports only JAX and Haiku: no environment,
Reverb, Launchpad or TensorFlow.
"""

from collections.abc import Iterator, Mapping, Sequence
import os
from typing import Any, NamedTuple

import dm_env
import jax
import numpy as np

from quinoa_acme.agents import agents
from quinoa_acme.agents.common import choices
from quinoa_acme.agents.common import off_policy
from quinoa_acme.runs.checkpoints import hub_files
from quinoa_acme.runs.checkpoints import run_folder
from quinoa_acme.utils import common_types as types
from quinoa_acme.utils import nests
from quinoa_acme.utils import resources
from quinoa_acme.utils import specs
from quinoa_acme.utils import user_modules


class TrainedPolicy:
  """Acts as a run has learned to.

  The first call with each batch size compiles, which takes a second or two.

  Attributes:
    spec: the specs of the environment that it acts in.
    learner_steps: the SGD steps behind it.
    action_repeat: how often its environment repeats each of its actions; see
      `environments.repeat_actions`.
  """

  def __init__(
    self,
    policy: off_policy.Policy,
    params: types.Params,
    spec: types.EnvironmentSpec,
    learner_steps: int,
    seed: int,
    action_repeat: int = 1,
  ):
    """Makes the policy; for a run, use `load_policy`.

    Args:
      policy: a pure function from parameters, a random key and a batch of
        observations to a batch of actions.
      params: its parameters.
      spec: the environment's specs.
      learner_steps: the SGD steps behind the parameters.
      seed: for the samples.
      action_repeat: of the environment that it was trained in.
    """
    self.spec = spec
    self.learner_steps = learner_steps
    self.action_repeat = action_repeat
    self._params = params
    self._key = jax.random.PRNGKey(seed)

    def act(params, key, observation):
      key, action_key = jax.random.split(key)
      return key, policy(params, action_key, observation)

    self._act = jax.jit(act)

  def __call__(self, observation: Any) -> np.ndarray:
    """Acts on one observation, or on a batch of them.

    Args:
      observation: as the environment gives it: an array, or a dictionary or
        sequence of arrays; or a batch, with one more leading dimension in each
        array.

    Returns:
      The action, or a batch of actions, in the environment's own shape, bounds
      and dtype.

    Raises:
      ValueError: if the observation does not match the environment's spec, or
        is not finite; names the part.
    """
    parts = list(_pair(self.spec.observations, observation))
    arrays = [_as_array(value, where) for _, value, where in parts]
    batch_shape = _batch_shape(parts, arrays)
    arrays = [
      nests.Leaf(spec, where.removeprefix('the ')).cast(array, batch_shape)
      for (spec, _, where), array in zip(parts, arrays, strict=True)
    ]
    if not batch_shape:
      arrays = [array[None] for array in arrays]
    batch = _nest(self.spec.observations, iter(arrays))
    with resources.without_x64():
      self._key, actions = self._act(self._params, self._key, batch)
    actions = np.asarray(actions, self.spec.actions.dtype)
    return actions if batch_shape else actions[0]


def load_policy(
  workdir: str | os.PathLike[str],
  *,
  mode: choices.ActionChoice | str | None = None,
  seed: int = 0,
  spec: types.EnvironmentSpec | None = None,
  modules: str | Sequence[str] = (),
) -> TrainedPolicy:
  """Reads the policy of a run from its last checkpoint.

  Args:
    workdir: the run's folder; the run may still be running. Or a policy of
      `push_to_hub`, 'hf://owner/name' or 'hf://owner/name@revision'.
    mode: which action to take: `Sample()`, `BaseMode()`, `MostLikely(n)` or
      `Median(n)` of `quinoa_acme.agents.common.choices`, or 'sample', 'mode' or
      'argmax'; by default the one that the run evaluates.
    seed: for the samples. Two policies with one seed act the same.
    spec: the environment's specs; by default those that the run wrote.
    modules: your own modules, 'module' or 'path/to/file.py', that register the
      run's agent or flow; they are imported first.

  Returns:
    The policy.

  Raises:
    FileNotFoundError: if the folder does not hold a run.
    hub_files.HubError: if a shared policy cannot be fetched, or is torn or no
      policy; a ValueError.
    ValueError: if the run is from another version; if its agent or flow is not
      registered; if the mode does not exist or its agent does not have it; or
      if a module is not found.
    checkpointing.CheckpointError: if there is no checkpoint, or it does not
      fit.
  """
  user_modules.load_all(modules)
  workdir = os.path.expanduser(os.fspath(workdir))
  if isinstance(mode, str):
    mode = choices.parse(mode)
  if hub_files.is_address(workdir):
    workdir = hub_files.fetch(workdir)
  # Regardless of JAX_ENABLE_X64: the parameters are in single precision.
  with resources.without_x64():
    return _load(workdir, mode, seed, spec)


def _load(
  workdir: str,
  mode: choices.ActionChoice | None,
  seed: int,
  spec: types.EnvironmentSpec | None,
) -> TrainedPolicy:
  saved = read_saved(workdir, spec)
  if mode is None:
    policy = saved.agent.make_evaluation_policy(saved.networks)
  else:
    policy = saved.agent.make_policy(saved.networks, mode)
  return TrainedPolicy(
    policy,
    saved.params,
    saved.spec,
    saved.learner_steps,
    seed,
    saved.action_repeat,
  )


class Saved(NamedTuple):
  """The policy of a run, as its folder has it.

  Attributes:
    agent: the run's algorithm.
    networks: its networks.
    params: the policy's parameters.
    spec: the environment's specs, canonical.
    learner_steps: the SGD steps behind the parameters.
    action_repeat: see `TrainedPolicy`.
  """

  agent: off_policy.OffPolicyAgent
  networks: Any
  params: types.Params
  spec: types.EnvironmentSpec
  learner_steps: int
  action_repeat: int


def read_saved(
  workdir: str, spec: types.EnvironmentSpec | None = None
) -> Saved:
  """Reads the policy of a run; arguments and errors are `load_policy`'s."""
  config = run_folder.read_agent(workdir)
  if spec is None:
    spec = run_folder.read_spec(workdir)
  else:
    spec = specs.EnvironmentSpec(
      nests.canonical_spec(spec.observations),
      spec.actions,
      spec.rewards,
      spec.discounts,
    )
  agent = agents.make_agent(config)
  networks = agent.make_networks(spec)
  saved = agent.saved_policy(networks)
  state = run_folder.read_learner(workdir, saved.like)
  return Saved(
    agent,
    networks,
    saved.as_params(state),
    spec,
    int(state.steps),
    run_folder.read_action_repeat(workdir),
  )


def spec_of(environment: dm_env.Environment) -> types.EnvironmentSpec:
  """The specs of an environment, with its observations by key."""
  return specs.EnvironmentSpec(
    nests.canonical_spec(environment.observation_spec()),
    environment.action_spec(),
    environment.reward_spec(),
    environment.discount_spec(),
  )


def _pair(
  spec: Any, value: Any, where: str = 'the observation'
) -> Iterator[tuple[Any, Any, str]]:
  """Yields each array's spec with its value and its location.

  Raises:
    ValueError: if the nests differ.
  """
  if isinstance(spec, Mapping):
    if not isinstance(value, Mapping) or set(value) != set(spec):
      found = sorted(value) if isinstance(value, Mapping) else type(value)
      raise ValueError(
        f'{where} must be a dictionary with the keys {sorted(spec)}, but has '
        f'{found}.'
      )
    for key, part in spec.items():
      yield from _pair(part, value[key], f'{where}[{key!r}]')
  elif isinstance(spec, Sequence):
    if not isinstance(value, Sequence) or len(value) != len(spec):
      raise ValueError(f'{where} must be a sequence of {len(spec)} parts.')
    for i, part in enumerate(spec):
      yield from _pair(part, value[i], f'{where}[{i}]')
  else:
    yield spec, value, where


def _nest(spec: Any, arrays: Iterator[np.ndarray]) -> Any:
  """Puts arrays, in the order of `_pair`, into the nest of the spec."""
  if isinstance(spec, Mapping):
    return {key: _nest(part, arrays) for key, part in spec.items()}
  if isinstance(spec, Sequence):
    return tuple(_nest(part, arrays) for part in spec)
  return next(arrays)


def _as_array(value: Any, where: str) -> np.ndarray:
  try:
    array = np.asarray(value)
  except ValueError as error:
    raise ValueError(f'{where} is not an array: {error}') from None
  if array.dtype.kind not in 'biuf':
    raise ValueError(f'{where} must be of numbers, but is of {array.dtype}.')
  if not nests.is_finite(array):
    raise ValueError(f'{where} must be finite in float32, but is {array}.')
  return array


def _batch_shape(
  parts: Sequence[tuple[Any, Any, str]], arrays: Sequence[np.ndarray]
) -> tuple[int, ...]:
  """The shape that all arrays have before that of their spec: () or (B,).

  Raises:
    ValueError: if there is no such shape.
  """
  first: tuple[int, ...] | None = None
  for (spec, _, where), array in zip(parts, arrays, strict=True):
    batch_shape = array.shape[: array.ndim - len(spec.shape)]
    if array.shape != batch_shape + tuple(spec.shape) or len(batch_shape) > 1:
      raise ValueError(
        f'{where} must have shape {tuple(spec.shape)}, or (B, ...) for a batch '
        f'of B, but has {array.shape}.'
      )
    if first is not None and batch_shape != first:
      raise ValueError(
        f'{where} has the batch shape {batch_shape}, and '
        f'{parts[0][2]} has {first}: all must have the same.'
      )
    first = batch_shape
  return first or ()
