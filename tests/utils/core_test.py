"""To a type checker the interfaces are Acme's, at run time our own."""

import ast
import importlib
import pathlib

from quinoa_acme.utils import core
from quinoa_acme.utils import interfaces


def test_each_name_is_of_our_interfaces():
  for name in core.__all__:
    assert getattr(core, name) is getattr(interfaces, name)


def test_each_name_that_a_type_checker_sees_is_acmes():
  module = ast.parse(pathlib.Path(core.__file__).read_text())
  [choice] = [node for node in module.body if isinstance(node, ast.If)]
  found = []
  for node in choice.body:
    assert isinstance(node, ast.ImportFrom)
    assert node.module
    acme = importlib.import_module(node.module)
    for alias in node.names:
      assert hasattr(acme, alias.name)
      found.append(alias.name)
  assert sorted(found) == sorted(core.__all__)
