"""A run's folder: the run's options, its specs, and its lock.

Reading it imports neither Acme nor an environment.
"""

from collections.abc import Iterator, Mapping, Sequence
import contextlib
import json
import os
import pathlib
import platform
import sys
import time
from typing import Any, TextIO

from absl import logging

from quinoa_acme.agents import agents
from quinoa_acme.agents import registry
from quinoa_acme.agents.common import off_policy
from quinoa_acme.environments import spec_json
from quinoa_acme.utils import checkpointing
from quinoa_acme.utils import common_types as types
from quinoa_acme.utils import options
from quinoa_acme.utils import specs
from quinoa_acme.utils import systems

_CONFIG = 'config.json'
_SPEC = 'spec.json'
_LOCK = 'lock'
# The fields of an `ExperimentConfig` that a run keeps to its end, like all of
# its agent's, with the value of a run that was begun before there was one. The
# others say how long it runs, how often it is observed, and where; they may
# change each time it resumes.
_KEPT = {'env_name': None, 'seed': None, 'num_actors': None, 'action_repeat': 1}


class WorkdirError(ValueError):
  """A folder cannot be used for a run; says why, and what to do."""


def read_description(workdir: str) -> dict[str, Any]:
  """Reads the result of `ExperimentConfig.describe`.

  Args:
    workdir: the run's folder.

  Returns:
    Plain values.

  Raises:
    FileNotFoundError: if the folder does not hold a run.
    ValueError: if the file is not in the form that a run writes.
  """
  path = pathlib.Path(workdir) / _CONFIG
  if not path.exists():
    raise FileNotFoundError(
      f'There is no {path}. Give the folder of a run, which it prints first.'
    )
  return read_json(path)


def read_action_repeat(workdir: str) -> int:
  """Reads a run's action repeat; 1 if it was begun before there was one.

  Args:
    workdir: the run's folder.

  Returns:
    The frames of the environment in a step.

  Raises:
    FileNotFoundError: if the folder does not hold a run.
    ValueError: if the file is not in the form that a run writes.
  """
  described = read_description(workdir)
  return described.get('action_repeat', _KEPT['action_repeat'])


def read_agent(workdir: str) -> off_policy.OffPolicyConfig:
  """Reads the options of a run's agent.

  Args:
    workdir: the run's folder.

  Returns:
    The options.

  Raises:
    FileNotFoundError: if the folder does not hold a run.
    ValueError: if the run was made by a version with other options, or its
      agent or flow is not registered.
  """
  path = pathlib.Path(workdir) / _CONFIG
  described = read_description(workdir)
  plain = described['agent']
  kind = agents.CONFIGS.get(plain['type'])
  hint = _hint_at_modules(described)
  if kind is None:
    raise ValueError(
      f'{path} is of the agent {plain["type"]!r}; known are '
      f'{sorted(agents.CONFIGS)}.{hint}'
    )
  try:
    return options.from_plain(plain, kind)
  except ValueError as error:
    raise ValueError(f'{path}: {error}.{hint}') from None


def _hint_at_modules(described: Mapping[str, Any]) -> str:
  """A hint which modules to import, if a run needs the user's own.

  A name in a file is no reason to import a module: the user has to ask for it.
  """
  modules = described.get('modules')
  if not isinstance(modules, list):
    return ''  # Written by a version without it.
  names = list(map(str, modules))
  if set(names) <= set(registry.places()):
    return ''
  text = ','.join(names)
  return (
    ' The run uses an agent or a flow of your own. Say what registers it: '
    f'--modules={text!r}, or in Python modules={text!r}, or import it first.'
  )


def read_spec(workdir: str) -> specs.EnvironmentSpec:
  """Reads the specs of a run's environment.

  Args:
    workdir: the run's folder.

  Returns:
    The specs.

  Raises:
    FileNotFoundError: if the run did not write them.
    ValueError: if the file is not in the form that a run writes.
  """
  path = pathlib.Path(workdir) / _SPEC
  if not path.exists():
    raise FileNotFoundError(
      f'There is no {path}: the run is from a version that did not write it. '
      'Give the specs: spec=acme.make_environment_spec(environment).'
    )
  plain = read_json(path)
  try:
    return spec_json.from_plain(plain)
  except (KeyError, TypeError) as error:
    raise ValueError(f'{path} holds no specs: {error!r}.') from None


def write_spec(workdir: str, spec: types.EnvironmentSpec) -> None:
  """Writes the specs of a run's environment, or checks those in the folder.

  Args:
    workdir: the run's folder.
    spec: the specs.

  Raises:
    WorkdirError: if the folder is of a run with other specs.
  """
  path = pathlib.Path(workdir) / _SPEC
  plain = json.loads(json.dumps(spec_json.to_plain(spec)))
  if path.exists() and (before := read_json(path)) != plain:
    changed = [key for key in plain if before.get(key) != plain[key]]
    raise WorkdirError(
      f'The run in {workdir} is in an environment with other specs:\n'
      + '\n'.join(
        f'  {key}: were {before.get(key)}, are now {plain[key]}'
        for key in changed
      )
      + '\nResume with the version of the environment that it began with, or '
      'give another workdir.'
    )
  write_json(path, plain)


def run_checkpoints(workdir: str) -> pathlib.Path:
  """The checkpoint folder of a run in one process."""
  return pathlib.Path(workdir) / 'checkpoints' / 'run'


def learner_checkpoints(workdir: str) -> pathlib.Path:
  """The folder of a distributed run's learner checkpoints."""
  return pathlib.Path(workdir) / 'checkpoints' / 'learner'


def read_learner(workdir: str, like: Any) -> Any:
  """Reads a part of the state that a run's learner saved, such as its policy.

  Args:
    workdir: the run's folder.
    like: the part, as `checkpointing` takes it.

  Returns:
    The part.

  Raises:
    checkpointing.CheckpointError: if no checkpoint is complete, or it has no
      such part.
  """
  # Each run's first checkpoint is from its very start.
  checkpoint = checkpointing.read_latest(run_checkpoints(workdir))
  if checkpoint and checkpoint.step:
    state = checkpoint.restore({'learner': like}, partial=True)
    return state['learner']
  checkpoint = checkpointing.read_latest(learner_checkpoints(workdir))
  if checkpoint and checkpoint.step:
    return checkpoint.restore(like, partial=True)
  raise checkpointing.CheckpointError(
    f'{workdir} has no checkpoint yet: let the run train for a minute.'
  )


def write_json(path: pathlib.Path, plain: Any) -> None:
  """Writes plain values atomically: never half of a file."""
  path.parent.mkdir(parents=True, exist_ok=True)
  aside = path.with_suffix('.tmp')
  aside.write_text(json.dumps(plain, indent=2) + '\n')
  os.replace(aside, path)


def read_json(path: pathlib.Path) -> dict[str, Any]:
  """Reads a file of `write_json`.

  Args:
    path: the file.

  Returns:
    The values by name.

  Raises:
    WorkdirError: if the file holds anything else; names it.
  """
  try:
    plain = json.loads(path.read_text())
    if not isinstance(plain, dict):
      raise ValueError(f'it holds {plain!r}')
  except ValueError as error:
    raise WorkdirError(
      f'{path} is not as a run writes it: {error}. Put the right file in its '
      'place, or give another folder.'
    ) from None
  return plain


def changes(
  before: Mapping[str, Any], after: Mapping[str, Any]
) -> dict[str, tuple[str, str]]:
  """The changes that a run must not make when it resumes.

  Args:
    before: the result of `ExperimentConfig.describe` when the run began.
    after: the same now.

  Returns:
    For each flag, by name, the values before and after, as text.
  """
  old, new = (
    {key: x.get(key, default) for key, default in _KEPT.items()}
    for x in (before, after)
  )
  if before['agent']['type'] == after['agent']['type']:
    old |= _completed(before['agent'])
    new |= _completed(after['agent'])
  else:
    old['agent'], new['agent'] = before['agent']['type'], after['agent']['type']
  return {
    key: (_show(old.get(key)), _show(new.get(key)))
    for key in {**old, **new}
    if old.get(key) != new.get(key)
  }


def _completed(agent: Mapping[str, Any]) -> Mapping[str, Any]:
  """An agent's options, with those that its version did not have."""
  try:
    config = options.from_plain(agent, agents.CONFIGS[agent['type']])
  except (KeyError, ValueError):
    return agent  # From another version: the differences are reported.
  return json.loads(json.dumps(options.to_plain(config)))


def check_unchanged(
  workdir: str, described: Mapping[str, Any], allowed: Sequence[str] = ()
) -> None:
  """Refuses to resume a run with other options.

  Args:
    workdir: the run's folder; a folder without a run is accepted.
    described: the requested run, from `ExperimentConfig.describe`.
    allowed: names of fields that may change.

  Raises:
    WorkdirError: if other fields would change.
  """
  if not (pathlib.Path(workdir) / _CONFIG).exists():
    if any(pathlib.Path(workdir, 'checkpoints').glob('*/checkpoint-*.npz')):
      raise WorkdirError(
        f'{workdir} has checkpoints of a run, but no {_CONFIG}, which '
        'describes the run. Restore it, or give another workdir.'
      )
    return
  after = json.loads(json.dumps(described))
  changed = changes(read_description(workdir), after)
  refused = {name: x for name, x in changed.items() if name not in allowed}
  if refused:
    raise WorkdirError(
      f'{workdir} holds a run with other options:\n'
      + '\n'.join(
        f'  {name}: was {old}, is now {new}'
        for name, (old, new) in refused.items()
      )
      + '\nResume with the old ones, or give another --workdir. To change '
      f'them in mid-run, add --allow_changes={",".join(changed)}'
    )


def begin(
  workdir: str,
  described: Mapping[str, Any],
  spec: types.EnvironmentSpec,
  allowed: Sequence[str] = (),
) -> None:
  """Writes the description of a run, unless the folder is of another run.

  Args:
    workdir: the run's folder.
    described: the run, from `ExperimentConfig.describe`.
    spec: the specs of its environment.
    allowed: names of fields that may differ from those that it began with.

  Raises:
    WorkdirError: if the folder is of a run with other options or specs.
  """
  check_unchanged(workdir, described, allowed)
  write_spec(workdir, spec)
  write_json(pathlib.Path(workdir) / _CONFIG, described)


@contextlib.contextmanager
def hold(workdir: str) -> Iterator[None]:
  """Locks a folder, made if needed, against other launchers.

  The operating system releases the lock when the process ends, however it
  ends. The file `lock` only names the holder.

  Args:
    workdir: the run's folder.

  Yields:
    Nothing, while the folder is locked.

  Raises:
    WorkdirError: if another process holds it, or it cannot be written to.
  """
  path = pathlib.Path(workdir) / _LOCK
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open('a+', encoding='utf-8', errors='surrogateescape')
  except OSError as error:
    raise WorkdirError(
      f'Cannot write to the workdir {workdir}: {error}. Give a --workdir that '
      'can be written to.'
    ) from None
  with file:
    _lock(file, workdir)
    file.truncate(0)
    file.write(_describe_process())
    file.flush()
    try:
      yield
    finally:
      file.truncate(0)
      # Not just closed: a node forked from here may still have it open.
      with contextlib.suppress(OSError):
        systems.unlock(file)


def _lock(file: TextIO, workdir: str) -> None:
  """Locks a folder's file, if the file system has locks."""
  try:
    systems.lock(file)
  except BlockingIOError:
    raise WorkdirError(
      f'{workdir} is in use by {_holder(file) or "another process"}. '
      'Wait for it, stop it, or give another --workdir.'
    ) from None
  except OSError as error:
    # A network disk may have none.
    holder = _holder(file)
    logging.warning(
      '%s cannot be locked: %s. The run continues without; make sure that no '
      'other process uses the folder%s.',
      workdir,
      error,
      f', as did, and may do still, {holder}' if holder else '',
    )


def _holder(file: TextIO) -> str:
  file.seek(0)
  return file.read().strip()


def _describe_process() -> str:
  since = time.strftime('%Y-%m-%d %H:%M:%S')
  return (
    f'process {os.getpid()} on {platform.node()}, since {since}: '
    f'{" ".join(sys.argv)}\n'
  )


def _show(plain: Any) -> str:
  """A value of a description, written as on a command line."""
  if isinstance(plain, Mapping):
    fields = [f'{k}={_show(x)}' for k, x in plain.items() if k != 'type']
    return f'{plain["type"]}({", ".join(fields)})'
  if isinstance(plain, list):
    return str(tuple(plain))
  return 'not there' if plain is None else str(plain)
