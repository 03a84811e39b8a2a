"""The edge of an environment: everything that passes it matches the specs.

All code that steps an environment (a program's actors, a run in one process, an
evaluation, a recorder) does so through a `CheckedEnvironment`. Its time steps
are in a fixed order, are copies, and have been checked, so nothing behind it,
from the policy to the replay, has to check again. See
docs/decisions/0030-the-edge-of-the-environment.md.
"""

from typing import Any

import dm_env
from dm_env import specs
import numpy as np

from quinoa_acme.environments import wrappers
from quinoa_acme.utils import nests

_GREATEST = float(np.finfo(np.float32).max)
_FLOATS: tuple[type, ...] = (float, np.float32)
_MID = dm_env.StepType.MID
_MEND = 'It must follow its specs: mend it, or wrap it.'


class Checked(dm_env.Environment):
  """An environment whose time steps are checked copies."""


class CheckedEnvironment(Checked, wrappers.EnvironmentWrapper):
  """Forwards to an environment, and refuses wrong time steps.

  Observations are dictionaries in the order of their keys, tuples, and arrays
  in the specs' dtypes. They are copies, because an environment may overwrite
  them. The environment gets a copy of each action, in its spec's dtype, and may
  change it.

  A step after an episode's last one starts another, as dm_env requires.
  """

  def __init__(self, environment: dm_env.Environment):
    """Wraps an environment; `wrap` does so only where needed.

    Args:
      environment: the environment.

    Raises:
      ValueError: if a spec is not of arrays of numbers, the observation's is
        empty, or the reward's or the discount's has more than one number.
    """
    super().__init__(environment)
    # Acme's wrappers rebuild a spec whenever it is requested, which takes as
    # long as a step of MuJoCo.
    self._observation_spec = nests.canonical_spec(
      environment.observation_spec(), 'observation'
    )
    self._action_spec = environment.action_spec()
    self._reward_spec = _scalar(environment.reward_spec(), 'reward')
    self._discount_spec = _scalar(environment.discount_spec(), 'discount')
    self._observation = nests.Nest(self._observation_spec, 'observation')
    if not any(leaf.num_bytes for leaf in self._observation.leaves):
      raise ValueError(
        f'The observation has no numbers, by its spec {self._observation_spec}.'
        ' Wrap the environment so that it gives at least one, such as a zero.'
      )
    action_spec = nests.canonical_spec(self._action_spec, 'action')
    if not isinstance(action_spec, specs.Array):
      raise ValueError(
        f'The spec of the action is {action_spec!r}: expected that of one '
        'array. Wrap the environment so that it takes one.'
      )
    self._action = nests.Leaf(action_spec, 'action')
    self._reward = nests.Leaf(self._reward_spec, 'reward')
    self._discount = nests.Leaf(self._discount_spec, 'discount')
    # The common observation, for which no nest need be traversed.
    is_array = isinstance(self._observation_spec, specs.Array)
    self._only = self._observation.leaves[0] if is_array else None
    self._has_float_reward = self._reward.dtype.kind == 'f'
    self._step = 0
    self._has_ended = False
    self._name = f'The environment {_innermost(environment).__class__.__name__}'

  def reset(self) -> dm_env.TimeStep:
    """Starts an episode.

    Raises:
      ValueError: if the environment breaks its specs.
    """
    self._step = 0
    self._has_ended = False
    timestep = self._read(self._environment.reset())
    if not timestep.first():
      raise ValueError(
        f'{self._name} began an episode with a time step that is not a first '
        f'one: {timestep!r}. {_MEND}'
      )
    try:
      return dm_env.restart(self._own(timestep.observation))
    except nests.MisfitError as error:
      raise self._refusal(error) from None

  def step(self, action: Any) -> dm_env.TimeStep:
    """Takes a step.

    Args:
      action: an action that matches the spec.

    Returns:
      The next time step.

    Raises:
      ValueError: if the environment or the action breaks the specs.
    """
    if self._has_ended:
      return self.reset()
    self._step += 1
    timestep = self._read(self._environment.step(self._own_action(action)))
    step_type, reward, discount, observation = timestep
    try:
      # The usual values need no array. NaN is in no range.
      if not (
        isinstance(reward, _FLOATS)
        and self._has_float_reward
        and -_GREATEST <= float(reward) <= _GREATEST
      ):
        reward = _number(self._reward, reward)
      if not (isinstance(discount, _FLOATS) and 0 <= float(discount) <= 1):
        discount = _number(self._discount, discount)
        if not 0 <= discount <= 1:
          raise nests.MisfitError('discount', 'should be in [0, 1]', discount)
      observation = self._own(observation)
    except nests.MisfitError as error:
      raise self._refusal(error) from None
    if step_type is not _MID:
      self._end(timestep)
    return dm_env.TimeStep(step_type, reward, discount, observation)

  # dm_env's own methods have no types, so no type matches them.
  def observation_spec(self) -> Any:
    """The environment's observation spec, as a canonical nest."""
    return self._observation_spec

  def action_spec(self) -> Any:
    """The environment's action spec."""
    return self._action_spec

  def reward_spec(self) -> Any:
    """The environment's reward spec."""
    return self._reward_spec

  def discount_spec(self) -> Any:
    """The environment's discount spec."""
    return self._discount_spec

  def _read(self, timestep: Any) -> dm_env.TimeStep:
    """Converts a value to a time step of dm_env's class."""
    if isinstance(timestep, dm_env.TimeStep):
      return timestep
    # Some have more parts, in a class of their own.
    parts = [getattr(timestep, x, self) for x in dm_env.TimeStep._fields]
    if any(part is self for part in parts):
      raise ValueError(
        f'{self._name} gave no dm_env.TimeStep at step {self._step} of an '
        f'episode, but {timestep!r}. {_MEND}'
      )
    return dm_env.TimeStep(*parts)

  def _own(self, observation: Any) -> Any:
    """A checked copy of an observation."""
    leaf = self._only
    if leaf is not None:
      array = leaf.cast(observation).copy()
      leaf.check_finite(array)
      return array
    arrays = self._observation.flatten(observation)
    for leaf, array in zip(self._observation.leaves, arrays, strict=True):
      leaf.check_finite(array)
    return self._observation.unflatten([array.copy() for array in arrays])

  def _own_action(self, action: Any) -> np.ndarray:
    """A checked copy of an action."""
    leaf = self._action
    try:
      # Copy a cast too: it may be a view of the policy's own array.
      array = np.array(leaf.cast(action))
      leaf.check_finite(array)
    except nests.MisfitError as error:
      raise ValueError(
        f'The policy gave a wrong action at step {self._step} of an episode: it'
        f' {error.problem} ({error.value}).'
      ) from None
    return array

  def _end(self, timestep: dm_env.TimeStep) -> None:
    """Checks a time step that is not in the middle of an episode."""
    if timestep.last():
      self._has_ended = True
    elif not timestep.mid():
      raise ValueError(
        f'{self._name} gave a time step {timestep.step_type!r} at step '
        f'{self._step} of an episode, which is neither in its middle nor its '
        f'last: {timestep!r}. {_MEND}'
      )

  def _refusal(self, error: nests.MisfitError) -> ValueError:
    at = f'at step {self._step} of an episode'
    if isinstance(error, nests.NotFiniteError):
      article = 'an' if error.name.startswith('o') else 'a'
      return ValueError(
        f'{self._name} gave {article} {error.name} that {error.problem} {at}: '
        f'{error.value}. Nothing can be learned from it: mend the environment, '
        'or wrap it so that it ends such an episode.'
      )
    return ValueError(
      f'{self._name} gave a wrong {error.name} {at}: it {error.problem} '
      f'({error.value}). {_MEND}'
    )


def _innermost(environment: Any) -> Any:
  """The environment inside wrappers, in their most common form."""
  while (
    inner := getattr(environment, '__dict__', {}).get('_environment')
  ) is not None:
    environment = inner
  return environment


def _number(leaf: nests.Leaf, value: Any) -> Any:
  """A single finite number that matches a spec."""
  array = leaf.cast(value)
  leaf.check_finite(array)
  return array[()]


def _scalar(spec: Any, name: str) -> specs.Array:
  """The spec of a single number, checked to be one."""
  spec = nests.canonical_spec(spec, name)
  if not isinstance(spec, specs.Array) or spec.shape:
    raise ValueError(
      f'The spec of the {name} is {spec!r}: expected that of a single number, '
      'of shape (). Wrap the environment so that it gives one.'
    )
  return spec


def wrap(environment: dm_env.Environment) -> dm_env.Environment:
  """The environment with its edge checked; itself if it already is."""
  if isinstance(environment, Checked):
    return environment
  return CheckedEnvironment(environment)
