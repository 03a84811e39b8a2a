"""A policy that `quinoa export --format=npz` wrote acts by NumPy alone.

Run it by `python examples/numpy_policy.py policy`.
"""

import json
import pathlib
import sys

import numpy as np

# ONNX's operators, and NumPy's functions.
SAME = """Abs:abs Add:add Div:divide Equal:equal Exp:exp Greater:greater
  Less:less Log:log MatMul:matmul Max:maximum Min:minimum Mul:multiply
  Neg:negative Reshape:reshape Sqrt:sqrt Sub:subtract Tanh:tanh Where:where"""
OPERATORS = {
  op: getattr(np, name) for op, name in (x.split(':') for x in SAME.split())
}


def cut(x, starts, ends, axes, steps):
  parts = [slice(None)] * x.ndim
  for axis, *part in zip(axes, starts, ends, steps, strict=True):
    parts[axis] = slice(*part)
  return x[tuple(parts)]


OPERATORS |= {
  'Cast': lambda x, to: x.astype(to),
  'Concat': lambda *x, axis: np.concatenate(x, axis),
  'Expand': lambda x, shape: x * np.ones(shape, x.dtype),
  'Gather': lambda x, indices, axis: np.take(x, indices, axis),
  'Identity': lambda x: x,
  'ReduceSum': lambda x, axes, keepdims: x.sum(tuple(axes)),
  'Shape': lambda x: np.array(x.shape),
  'Slice': cut,
}


class Policy:
  def __init__(self, folder):
    path = pathlib.Path(folder, 'policy.json')
    self.functions = json.loads(path.read_text())['functions']
    self.arrays = dict(np.load(path.with_suffix('.npz'), allow_pickle=False))

  @np.errstate(all='ignore')  # Of the side that a Where does not take.
  def __call__(self, name, inputs):
    values = {**self.arrays, **inputs}
    for node in self.functions[name]['nodes']:
      given = [values[x] for x in node['inputs']]
      result = OPERATORS[node['op']](*given, **node['attributes'])
      values[node['output']] = result
    return values[self.functions[name]['output']['name']]


if __name__ == '__main__':
  policy = Policy(sys.argv[1])
  parts = policy.functions['mode']['inputs']
  zeros = {x['name']: np.zeros([1, *x['shape'][1:]], 'f4') for x in parts}
  print(policy('mode', zeros))
