"""The machines of a program's nodes on Vertex AI."""

import dataclasses

from quinoa_acme.utils import validation

_GPUS = ('p4', 't4', 'p100', 'v100', 'a100')


@dataclasses.dataclass(frozen=True)
class Machine:
  """The minimum for a node's machine. Vertex AI takes the nearest it has.

  Attributes:
    cpus: virtual processors.
    gibibytes: memory.
    gpu: one of 'p4', 't4', 'p100', 'v100', 'a100', or '' for none.
  """

  cpus: int
  gibibytes: int
  gpu: str = ''

  def __post_init__(self):
    validation.check_whole(self, 'cpus', 'gibibytes')
    if self.gpu and self.gpu not in _GPUS:
      raise ValueError(
        f'gpu must be one of {", ".join(_GPUS)}, or empty, but is {self.gpu!r}.'
      )


@dataclasses.dataclass(frozen=True)
class Machines:
  """The machines of a program's nodes.

  Attributes:
    learner: the learner's; only this one may have a GPU.
    servers: each machine of replay and counter; replay is in memory.
    workers: each machine of the evaluator and the actors, with one thread.
  """

  learner: Machine = Machine(cpus=8, gibibytes=30, gpu='t4')
  servers: Machine = Machine(cpus=4, gibibytes=26)
  workers: Machine = Machine(cpus=2, gibibytes=13)

  def __post_init__(self):
    for name in ('servers', 'workers'):
      if getattr(self, name).gpu:
        raise ValueError(
          f'{name} must have no gpu: only the learner computes in bulk.'
        )
