"""Tests of the distributed program as it is built; launches are elsewhere."""

import cloudpickle

from quinoa_acme.runs import program


def test_program_has_a_node_for_each_part(config):
  groups = program.make_program(config).groups
  assert {label: len(nodes) for label, nodes in groups.items()} == {
    'replay': 1,
    'counter': 1,
    'learner': 1,
    'evaluator': 1,
    'actor': 2,
  }


def test_nodes_are_picklable(config):
  assert cloudpickle.loads(cloudpickle.dumps(config)) == config
  for nodes in program.make_program(config).groups.values():
    for node in nodes:
      assert cloudpickle.dumps(node.function)
