"""Starts a program's nodes as their images do, on one host or on two."""

from collections.abc import Iterator, Sequence
import contextlib
import dataclasses
import functools
import json
import os
import pathlib
import re
import subprocess
import sys
from typing import Any

import portpicker


@dataclasses.dataclass(frozen=True)
class Host:
  """Where nodes run.

  Attributes:
    address: the host's.
    prefix: the beginning of a command that runs there.
  """

  address: str
  prefix: tuple[str, ...] = ()


HERE = Host('localhost')
# Of 198.18.0.0/15, which is for tests of networks.
_ADDRESSES = ('198.18.7.1', '198.18.7.2')


def ip(*arguments: str) -> None:
  """Runs the command `ip`, which sets networks."""
  subprocess.run(['ip', *arguments], check=True, capture_output=True, text=True)


@contextlib.contextmanager
def two_hosts() -> Iterator[list[Host]]:
  """Makes two network namespaces, joined by a cable of that name.

  Each has its own address, loopback device and ports. They share the processors
  and the file system.

  Yields:
    The hosts.

  Raises:
    OSError: if there is no command `ip`.
    subprocess.CalledProcessError: if namespaces are not allowed.
  """
  names = [f'quinoa-{os.getpid()}-{side}' for side in 'ab']
  try:
    for name in names:
      ip('netns', 'add', name)
    ip(
      *('link', 'add', 'cable', 'netns', names[0], 'type', 'veth'),
      *('peer', 'name', 'cable', 'netns', names[1]),
    )
    for name, address in zip(names, _ADDRESSES, strict=True):
      ip('-n', name, 'address', 'add', f'{address}/24', 'dev', 'cable')
      for device in ('lo', 'cable'):
        ip('-n', name, 'link', 'set', device, 'up')
    yield [
      Host(address, ('ip', 'netns', 'exec', name))
      for name, address in zip(names, _ADDRESSES, strict=True)
    ]
  finally:
    for name in names:
      with contextlib.suppress(OSError, subprocess.CalledProcessError):
        ip('netns', 'del', name)


@functools.cache
def why_not_two_hosts() -> str:
  """What keeps this machine from two hosts; empty if nothing does."""
  try:
    with two_hosts():
      return ''
  except OSError as error:
    return str(error)
  except subprocess.CalledProcessError as error:
    return error.stderr.strip()


def start(
  cloud: Any, outputs: pathlib.Path, hosts: Sequence[Host]
) -> dict[str, subprocess.Popen]:
  """Starts the nodes as their images do, each where Vertex AI would.

  Args:
    cloud: what a launch handed to the cloud.
    outputs: the folder for their outputs.
    hosts: the host of each pool of nodes.

  Returns:
    The processes by pool and index.
  """
  pools = [job.executor.requirements.replicas for job in cloud.jobs.values()]
  cluster = {
    f'workerpool{i}': [
      f'{host.address}:{portpicker.pick_unused_port()}' for _ in range(number)
    ]
    for i, (host, number) in enumerate(zip(hosts, pools, strict=True))
  }
  processes = {}
  for container, host, (pool, addresses) in zip(
    cloud.containers, hosts, cluster.items(), strict=True
  ):
    variables = dict(
      re.match(r'ENV (\w+)="(.*)"', line).groups()
      for line in container.docker_instructions
      if line.startswith('ENV')
    )
    command = container.entrypoint.commands[0].split()
    assert command[0] == 'python'
    for i in range(len(addresses)):
      task = {'type': pool, 'index': i}
      spec = json.dumps({'cluster': cluster, 'task': task})
      name = f'{pool}-{i}'
      with (outputs / name).open('w') as file:
        processes[name] = subprocess.Popen(
          [*host.prefix, sys.executable, *command[1:]],
          cwd=container.path,
          env={
            **os.environ,
            **variables,
            'CLUSTER_SPEC': spec,
            'CLOUD_ML_PROJECT_ID': 'project',
            'CLOUD_ML_JOB_ID': 'job',
          },
          stdout=file,
          stderr=file,
        )
  return processes
