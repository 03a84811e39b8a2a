"""Observations that are mappings mean the same by key name everywhere.

An environment gives its keys in another order than its spec, or in an OrderedDict. Expected:
the run's evaluation, the policy shown what replay holds, and load_policy(workdir) come to the
same action for one observation; replay holds under each key what was given.
"""
import collections, dataclasses, functools, os, runpy, signal, sys, tempfile
sys.path.insert(0, os.getcwd())
os.environ['XLA_FLAGS'] = '--xla_backend_optimization_level=1'
import quinoa_acme, dm_env, jax, numpy as np
from dm_env import specs
signal.signal(signal.SIGALRM, lambda *_: sys.exit('not done after 600 s')), signal.alarm(600)
STEPS, held, acted, Ordered = 15, [], [], collections.OrderedDict
AGENT = dataclasses.replace(quinoa_acme.QuinoaConfig.debug(), learning_rate=1e-2,
  evaluation_policy=quinoa_acme.BaseMode(), returns=quinoa_acme.OneStep())
class Keyed(dm_env.Environment):
  def __init__(self, kinds, orders, seed):
    self._kinds, self._orders, self._rng = kinds, orders, np.random.default_rng(seed)
  def _nest(self, i, parts):
    return self._kinds[i]((key, parts[key]) for key in self._orders[i])
  def _observe(self):
    a, b = self._rng.uniform(-1, 1, (2, 2)).astype(np.float32)
    self._parts = {'a': a, 'b': b + 3}
    return self._nest(1, self._parts)
  def reset(self):
    self._t = 0
    return dm_env.restart(self._observe())
  def step(self, action):
    acted.append((self._parts, np.array(action)))
    self._t, reward = self._t + 1, -np.float32((action[0] - self._parts['a'][0]) ** 2)
    return (dm_env.termination if self._t == STEPS else dm_env.transition)(reward, self._observe())
  def observation_spec(self):
    return self._nest(0, {key: specs.Array((2,), np.float32, key) for key in 'ab'})
  def action_spec(self):
    return specs.BoundedArray((1,), np.float32, -1.0, 1.0, 'action')
def check(folder, kinds, orders):
  """Prints the largest differences, and says whether they are small."""
  config = quinoa_acme.ExperimentConfig(
    AGENT, functools.partial(Keyed, kinds, orders), 'keyed', tempfile.mkdtemp(dir=folder),
    num_steps=300, eval_every=300, evaluation_episodes=1)
  assert quinoa_acme.run(config, None) == 0
  policy, spec, worst = quinoa_acme.load_policy(config.workdir), config.make_spec(), np.zeros(3)
  core, variables = runpy.run_path('examples/own_loop.py')['load'](config, spec)
  replay = quinoa_acme.TransitionReplay(spec, 1, 0)
  for parts, action in acted[-STEPS:]:  # The last evaluation's, of the parameters that were saved.
    nest = kinds[1]((key, parts[key]) for key in orders[1])
    insert(replay, held[-1]._replace(observation=nest))
    seen = jax.tree_util.tree_map(lambda x: x[0], replay.sample(1).observation)
    shown, expected = core.select_action(variables, seen, core.init(jax.random.PRNGKey(0)))[0], policy(parts)
    errors = action - expected, shown - expected, [seen[name] - parts[name] for name in 'ab']
    worst = np.maximum(worst, [np.abs(error).max() for error in errors])
  names = ', '.join(f'{kind.__name__} {order}' for kind, order in zip(kinds, orders))
  print(f'{"ok" if worst.max() < 1e-3 else "FAILED"}: spec and observations {names}: load_policy '
        f'is {worst[0]:.2g} from acting; replay is off by {worst[2]:.2g}, its actions by {worst[1]:.2g}')
  return worst.max() < 1e-3
insert = quinoa_acme.TransitionReplay.insert
quinoa_acme.TransitionReplay.insert = lambda self, x: (held.append(x), insert(self, x))[1]
kinds = ((dict, dict), 'ba', 'ab'), ((Ordered, Ordered), 'ba', 'ba'), ((dict, Ordered), 'ab', 'ba')
with tempfile.TemporaryDirectory() as folder:
  sys.exit(not all([check(folder, types, orders) for types, *orders in kinds]))
