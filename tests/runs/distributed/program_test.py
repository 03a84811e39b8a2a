"""Tests of the distributed program as it is built; launches are elsewhere."""

import cloudpickle

from quinoa_acme.runs.distributed import program


def test_program_has_a_node_for_each_part(config):
  groups = program.make_program(config).groups
  assert {label: len(nodes) for label, nodes in groups.items()} == {
    'counter': 1,
    'learner': 1,
    'evaluator': 1,
    'actor': 2,
  }


def test_the_replay_has_a_node_where_a_node_has_one_server(config):
  groups = program.make_program(config, has_replay_node=True).groups
  assert len(groups['replay']) == 1
  for nodes in groups.values():
    assert all(len(node.addresses) <= 1 for node in nodes)


def test_nodes_are_picklable(config):
  assert cloudpickle.loads(cloudpickle.dumps(config)) == config
  for has_replay_node in (False, True):
    made = program.make_program(config, has_replay_node=has_replay_node)
    for nodes in made.groups.values():
      for node in nodes:
        assert cloudpickle.dumps(node.function)
