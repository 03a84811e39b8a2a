"""Our interfaces have the methods of Acme's."""

import inspect

from acme import adders
from acme import core as acme_core
from acme.utils import loggers
import pytest

from quinoa_acme.utils import interfaces

_PAIRS = [
  (interfaces.Actor, acme_core.Actor),
  (interfaces.Adder, adders.Adder),
  (interfaces.Learner, acme_core.Learner),
  (interfaces.Logger, loggers.Logger),
  (interfaces.Saveable, acme_core.Saveable),
  (interfaces.VariableSource, acme_core.VariableSource),
  (interfaces.Worker, acme_core.Worker),
]


@pytest.mark.parametrize(('own', 'acme'), _PAIRS)
def test_an_interface_has_the_methods_of_acmes(own, acme):
  assert own.__abstractmethods__ == acme.__abstractmethods__
  methods = {name for name in dir(acme) if not name.startswith('_')}
  assert methods == {name for name in dir(own) if not name.startswith('_')}
  for name in methods:
    ours, theirs = (
      [(x.name, x.default) for x in inspect.signature(f).parameters.values()]
      for f in (getattr(own, name), getattr(acme, name))
    )
    assert ours == theirs


@pytest.mark.parametrize(('own', 'acme'), _PAIRS)
def test_a_class_of_ours_is_one_of_acmes(own, acme):
  names = own.__abstractmethods__
  kind = type('Kind', (own,), {name: lambda self: None for name in names})
  assert issubclass(kind, acme)
  assert isinstance(kind(), acme)


def test_a_learner_makes_the_steps_that_it_is_asked_for():
  class Counting(interfaces.Learner):
    steps = 0

    def step(self):
      self.steps += 1

    def get_variables(self, names):
      return []

  learner = Counting()
  learner.run(3)
  assert learner.steps == 3
  with pytest.raises(NotImplementedError):
    learner.save()
  with pytest.raises(NotImplementedError):
    learner.restore(None)
