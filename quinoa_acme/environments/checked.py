"""The edge of an environment: what passes it is as the specs say.

Whatever steps an environment, a program's actors, the run of one process, an
evaluation or a recorder, does so through a `CheckedEnvironment`. What it gives
is in one order, is nobody else's to change, and was looked at; so nothing
behind it, from the policy to the replay, has to look again. See
docs/decisions/0030-the-edge-of-the-environment.md.
"""

from typing import Any

import dm_env
from dm_env import specs
import numpy as np

from quinoa_acme.utils import nests

_GREATEST = float(np.finfo(np.float32).max)
_FLOATS: tuple[type, ...] = (float, np.float32)
_MID = dm_env.StepType.MID
_MEND = 'It must give what its specs say: mend it, or wrap it.'


class Checked(dm_env.Environment):
  """An environment whose time steps are checked, and kept by nobody else."""


class CheckedEnvironment(Checked):
  """Passes on to an environment, and refuses what it should not give.

  Observations are dictionaries by key, tuples and arrays in the specs' dtypes,
  copied, for an environment may write the next one in the same place. It gets a
  copy of each action, in its spec's dtype, and may change it.

  A step after an episode's last one starts another, as dm_env asks for.
  """

  def __init__(self, environment: dm_env.Environment):
    """Wraps an environment; `wrap` does so where it has to be.

    Args:
      environment: the environment.

    Raises:
      ValueError: if a spec is not of arrays of numbers, that of the observation
        is of none, or that of the reward or the discount of more than one.
    """
    self._environment = environment
    # Acme's wrappers make a spec anew whenever they are asked for it, for as
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
        ' Wrap the environment so that it gives at least one, perhaps a zero.'
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
    # The usual observation, for which no nest need be walked through.
    is_array = isinstance(self._observation_spec, specs.Array)
    self._only = self._observation.leaves[0] if is_array else None
    self._has_float_reward = self._reward.dtype.kind == 'f'
    self._step = 0
    self._has_ended = False
    self._name = f'The environment {_innermost(environment).__class__.__name__}'

  def reset(self) -> dm_env.TimeStep:
    """Starts an episode.

    Raises:
      ValueError: if the environment gives what it should not.
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
    """Acts.

    Args:
      action: as the spec says.

    Returns:
      The next time step.

    Raises:
      ValueError: if the environment gives what it should not, or gets it.
    """
    if self._has_ended:
      return self.reset()
    self._step += 1
    timestep = self._read(self._environment.step(self._own_action(action)))
    step_type, reward, discount, observation = timestep
    try:
      # The usual ones need no array. NaN is in no range.
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

  # dm_env gives its own methods no types, so that none fits them.
  def observation_spec(self) -> Any:
    """The environment's observation, a canonical nest."""
    return self._observation_spec

  def action_spec(self) -> Any:
    """The environment's action."""
    return self._action_spec

  def reward_spec(self) -> Any:
    """The environment's reward."""
    return self._reward_spec

  def discount_spec(self) -> Any:
    """The environment's discount."""
    return self._discount_spec

  def close(self) -> None:
    """Closes the environment."""
    self._environment.close()

  def __getattr__(self, name: str) -> Any:
    """What else the environment has, such as its physics."""
    if name == '_environment':  # Not there before `__init__`, as in a copy.
      raise AttributeError(name)
    return getattr(self._environment, name)

  def _read(self, timestep: Any) -> dm_env.TimeStep:
    """A time step of dm_env's."""
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
      # A copy of what was cast too: that may be a view of the policy's own.
      array = np.array(leaf.cast(action))
      leaf.check_finite(array)
    except nests.MisfitError as error:
      raise ValueError(
        f'The policy gave a wrong action at step {self._step} of an episode: it'
        f' {error.problem} ({error.value}).'
      ) from None
    return array

  def _end(self, timestep: dm_env.TimeStep) -> None:
    """Looks what a time step is that is none in the midst of an episode."""
    if timestep.last():
      self._has_ended = True
    elif not timestep.mid():
      raise ValueError(
        f'{self._name} gave a time step {timestep.step_type!r} at step '
        f'{self._step} of an episode, which is neither in its midst nor its '
        f'last: {timestep!r}. {_MEND}'
      )

  def _refusal(self, error: nests.MisfitError) -> ValueError:
    at = f'at step {self._step} of an episode'
    if isinstance(error, nests.NotFiniteError):
      article = 'an' if error.name.startswith('o') else 'a'
      return ValueError(
        f'{self._name} gave {article} {error.name} that {error.problem} {at}: '
        f'{error.value}. Nothing can be learnt from it: mend the environment, '
        'or wrap it so that it ends such an episode.'
      )
    return ValueError(
      f'{self._name} gave a wrong {error.name} {at}: it {error.problem} '
      f'({error.value}). {_MEND}'
    )


def _innermost(environment: Any) -> Any:
  """The environment within wrappers, in the form that these most often have."""
  while (
    inner := getattr(environment, '__dict__', {}).get('_environment')
  ) is not None:
    environment = inner
  return environment


def _number(leaf: nests.Leaf, value: Any) -> Any:
  """A single number that a spec says, and that is finite."""
  array = leaf.cast(value)
  leaf.check_finite(array)
  return array[()]


def _scalar(spec: Any, name: str) -> specs.Array:
  """The spec of a single number, if it is one."""
  spec = nests.canonical_spec(spec, name)
  if not isinstance(spec, specs.Array) or spec.shape:
    raise ValueError(
      f'The spec of the {name} is {spec!r}: expected that of a single number, '
      'of shape (). Wrap the environment so that it gives one.'
    )
  return spec


def wrap(environment: dm_env.Environment) -> dm_env.Environment:
  """The environment with its edge checked, itself if it is already."""
  if isinstance(environment, Checked):
    return environment
  return CheckedEnvironment(environment)
