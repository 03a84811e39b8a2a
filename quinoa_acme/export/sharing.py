"""Shares a run's policy on the Hugging Face Hub, with a model card.

  quinoa_acme.push_to_hub('runs/mine', 'me/walker')
  policy = quinoa_acme.load_policy('hf://me/walker')

`runs/checkpoints/hub_files.py` says what is written, and fetches it.
"""

from collections.abc import Callable, Mapping, Sequence
import dataclasses
from importlib import metadata
import json
import os
import pathlib
import shlex
import shutil
import tempfile
from typing import Any

from quinoa_acme import policies
from quinoa_acme.agents import agents
from quinoa_acme.agents.common import off_policy
from quinoa_acme.runs.checkpoints import hub_files
from quinoa_acme.runs.checkpoints import run_folder
from quinoa_acme.runs.watching import loggers
from quinoa_acme.utils import checkpointing
from quinoa_acme.utils import resources
from quinoa_acme.utils import user_modules

_CARD = 'README.md'
_VIDEO = 'replay.mp4'
# Of a run's options, those that a machine or its user need not share.
_PRIVATE = ('workdir',)
_VERSIONS = ('jax', 'dm-haiku', 'numpy')
_TEMPLATE = """---
{head}
---

# {title}

A policy for `{task}`, trained by quinoa_acme.

{video}| | |
|---|---|
{rows}

## Use it

```python
import quinoa_acme

policy = quinoa_acme.load_policy('hf://{repo}')
action = policy(observation)
```

The repository holds JSON and plain arrays; loading it runs no code of its own.

## Train it again

```
{command}
```
"""


def push_to_hub(
  workdir: str | os.PathLike[str],
  repo: str,
  *,
  private: bool = False,
  video: str | os.PathLike[str] | None = None,
  modules: str | Sequence[str] = (),
) -> str:
  """Uploads the policy of a run's last checkpoint, with a model card.

  A repository that exists gets a new commit. You need a token that may write:
  `hf auth login`, or `HF_TOKEN`.

  Args:
    workdir: the run's folder; the run may still be running.
    repo: 'owner/name', or 'name' for your own.
    private: whether a new repository is private.
    video: an .mp4 file to show, such as `quinoa evaluate --video` writes.
    modules: see `load_policy`.

  Returns:
    The address, for `load_policy`.

  Raises:
    FileNotFoundError: if the workdir does not hold a run, or there is no video.
    hub_files.HubError: if the library is not installed, or the upload fails.
    ValueError: see `load_policy`.
    checkpointing.CheckpointError: if there is no checkpoint, or it does not
      fit.

  Examples:
    >>> push_to_hub('runs/none', 'me/walker')
    Traceback (most recent call last):
      ...
    FileNotFoundError: There is no runs/none/config.json. Give the folder of a \
run, which it prints first.
  """
  hub_files.check_installed()
  user_modules.load_all(modules)
  workdir = os.path.expanduser(os.fspath(workdir))
  with tempfile.TemporaryDirectory() as folder:
    write_card = write_shared(workdir, folder, video)
    # Only now, because it takes a while.
    import huggingface_hub

    api = huggingface_hub.HfApi()
    with hub_files.naming(repo):
      created = api.create_repo(repo, private=private, exist_ok=True)
      write_card(created.repo_id)
      api.upload_folder(
        repo_id=created.repo_id,
        folder_path=folder,
        commit_message=f'Policy by quinoa_acme {_version("quinoa-acme")}',
        # Those of an earlier upload.
        delete_patterns=[f'{hub_files.CHECKPOINTS}/*', _VIDEO],
      )
  return f'{hub_files.SCHEME}{created.repo_id}'


def write_shared(
  workdir: str,
  folder: str | os.PathLike[str],
  video: str | os.PathLike[str] | None = None,
) -> Callable[[str], None]:
  """Writes what is uploaded; errors are `push_to_hub`'s.

  Args:
    workdir: the run's folder.
    folder: an existing folder to write to.
    video: for the card.

  Returns:
    A function of the repository's name that adds the card.
  """
  folder = pathlib.Path(folder)
  described = run_folder.read_description(workdir)
  config = run_folder.read_agent(workdir)
  spec = run_folder.read_spec(workdir)
  # Regardless of JAX_ENABLE_X64, as the policy is read.
  with resources.without_x64():
    agent = agents.make_agent(config)
    saved = agent.saved_policy(agent.make_networks(spec))
    state = run_folder.read_learner(workdir, saved.like)
    steps = int(state.steps)
    # A checkpoint of step 0 is none of a policy.
    checkpointing.save(folder / hub_files.CHECKPOINTS, max(steps, 1), state)
  run_folder.write_spec(str(folder), spec)
  shared = {key: x for key, x in described.items() if key not in _PRIVATE}
  run_folder.write_json(folder / hub_files.CONFIG, shared)
  if video is not None:
    shutil.copyfile(pathlib.Path(video).expanduser(), folder / _VIDEO)
  logs = pathlib.Path(workdir, 'logs', 'evaluator.csv')
  evaluations = loggers.read_rows(logs) if logs.exists() else []
  # It must load as it will from the Hub.
  policies.load_policy(folder)

  def write_card(repo: str) -> None:
    card = make_card(
      repo, described, config, steps, evaluations[-1:], video is not None
    )
    (folder / _CARD).write_text(card, encoding='utf-8')

  return write_card


def make_card(
  repo: str,
  described: Mapping[str, Any],
  config: off_policy.OffPolicyConfig,
  learner_steps: int,
  evaluations: Sequence[Mapping[str, float]],
  has_video: bool = False,
) -> str:
  """The model card of a shared policy, in Markdown.

  Args:
    repo: its name, 'owner/name'.
    described: the run's options, as in `config.json`.
    config: the agent's options.
    learner_steps: SGD steps behind the policy.
    evaluations: the last row of the evaluator's log, or nothing.
    has_video: whether there is a video beside the card.

  Returns:
    The text.
  """
  task = str(described.get('env_name'))
  algorithm, _, _ = find_preset(config)
  result = _return_of(evaluations[-1]) if evaluations else None
  rows = {
    'task': f'`{task}`',
    **_describe_agent(config),
    'return, last evaluation': result or 'not evaluated',
    'environment steps': _count_of(evaluations, 'actor_steps'),
    'SGD steps': f'{learner_steps:,}',
    'action repeat': described.get('action_repeat', 1),
    'evaluated action': described.get('evaluation', ''),
    'seed': described.get('seed'),
    'versions': _versions(described),
  }
  return _TEMPLATE.format(
    head=_format_head(repo, algorithm, task, result),
    title=repo.rpartition('/')[2],
    task=task,
    video=f'<video src="{_VIDEO}" controls></video>\n\n' if has_video else '',
    rows='\n'.join(f'| {key} | {value} |' for key, value in rows.items()),
    repo=repo,
    command=command_of(described, config),
  )


def _describe_agent(config: off_policy.OffPolicyConfig) -> dict[str, str]:
  """The rows of the card's table that say what learned."""
  algorithm, preset, changed = find_preset(config)
  loss = getattr(config, 'fit', None)
  return {
    'agent': algorithm,
    'preset': f'`{preset}`' + (', with other values below' if changed else ''),
    'which loss learns': f'`{loss}`' if loss else f'that of {algorithm}',
  }


def _format_head(
  repo: str, algorithm: str, task: str, result: str | None
) -> str:
  """The card's metadata, which the Hub reads: YAML, as JSON is YAML too."""
  head: dict[str, Any] = {
    'library_name': 'quinoa_acme',
    'pipeline_tag': 'reinforcement-learning',
    'tags': ['reinforcement-learning', 'continuous-control', algorithm, task],
  }
  if result:
    metric = {'type': 'mean_reward', 'name': 'return', 'value': result}
    entry = {
      'task': {'type': 'reinforcement-learning'},
      'dataset': {'name': task, 'type': task},
      'metrics': [metric],
    }
    head['model-index'] = [{'name': repo, 'results': [entry]}]
  return '\n'.join(f'{key}: {json.dumps(x)}' for key, x in head.items())


def _versions(described: Mapping[str, Any]) -> str:
  own = f'quinoa_acme {described.get("version", "unknown")}'
  if described.get('commit'):
    own += f' ({described["commit"]})'
  return ', '.join([own, *(f'{name} {_version(name)}' for name in _VERSIONS)])


def find_preset(
  config: off_policy.OffPolicyConfig,
) -> tuple[str, str, dict[str, Any]]:
  """The preset of an agent that options are nearest to.

  Args:
    config: the options.

  Returns:
    The agent's name, the preset's, and the options that differ, by field.

  Examples:
    >>> from quinoa_acme import SVG0Config
    >>> find_preset(SVG0Config(batch_size=7))
    ('svg0', 'default', {'batch_size': 7})
  """
  [algorithm] = [
    name
    for name, presets in agents.PRESETS.items()
    if type(presets['default']()) is type(config)
  ]
  found = {}
  for preset, make in agents.PRESETS[algorithm].items():
    other = make()
    found[preset] = {
      field.name: getattr(config, field.name)
      for field in dataclasses.fields(config)
      if getattr(config, field.name) != getattr(other, field.name)
    }
  preset = min(found, key=lambda name: len(found[name]))
  return algorithm, preset, found[preset]


def command_of(
  described: Mapping[str, Any], config: off_policy.OffPolicyConfig
) -> str:
  """The command that trains such a policy.

  Args:
    described: the run's options, as in `config.json`.
    config: the agent's options.

  Returns:
    A line for a shell.
  """
  algorithm, preset, changed = find_preset(config)
  flags = {'agent': algorithm, 'preset': preset}
  for name in ('env_name', 'num_steps', 'seed', 'num_actors', 'action_repeat'):
    if name in described:
      flags[name] = described[name]
  if modules := described.get('modules'):
    flags['modules'] = ','.join(map(str, modules))
  flags |= changed
  words = ['quinoa', 'train', *(f'--{key}={x}' for key, x in flags.items())]
  return shlex.join(words)


def _return_of(row: Mapping[str, float]) -> str:
  """The mean return of an evaluation, with its 95 % interval."""
  # Imported here: SciPy's statistics take a second.
  from quinoa_acme.runs import trials

  num = int(row.get('evaluation_episodes', 1))
  return str(
    trials.mean_of_moments(
      row['episode_return'], row.get('episode_return_std', 0.0), num
    )
  )


def _count_of(rows: Sequence[Mapping[str, float]], key: str) -> str:
  return f'{int(rows[-1][key]):,}' if rows and key in rows[-1] else 'unknown'


def _version(package: str) -> str:
  try:
    return metadata.version(package)
  except metadata.PackageNotFoundError:
    return 'unknown'
