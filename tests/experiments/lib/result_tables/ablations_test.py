"""The table of a sweep's variants."""

import json

from experiments.lib.result_tables import ablations
from quinoa_acme.runs.sweeps import results


def test_a_variant_is_shown_with_its_difference_to_the_first(tmp_path):
  default = {
    'agent': 'quinoa',
    'preset': 'default',
    'env_names': ['control:walker:walk'],
    'seeds': [3, 4],
    'num_steps': 200,
    'eval_every': 100,
  }
  flags = {'discount': '0.9'}
  base = {'variant': 'far', 'flags': flags}
  other = {'variant': 'small', 'flags': {**flags, 'batch_size': '16'}}
  missing = {'variant': 'large', 'flags': {**flags, 'batch_size': '512'}}
  gone = {'variant': 'odd', 'flags': {**flags, 'twin': 'Twin()'}}
  sweep = {'runs': [{**default, **x} for x in (base, {}, other, missing)]}
  (tmp_path / 'ablations.json').write_text(json.dumps(sweep))
  deleted = {'table': 'ablations', 'runs': [{**default, **gone}]}
  (tmp_path / 'deleted_ablations.json').write_text(json.dumps(deleted))
  rows = [
    ('default/far', 3, 100, 10.0),
    ('default/far', 3, 200, 20.0),
    ('default/far', 4, 100, 30.0),
    ('default/far', 4, 200, 40.0),
    ('default', 3, 100, 8.0),
    ('default/small', 3, 100, 5.0),
    ('default/small', 3, 200, 26.0),
    ('default/small', 4, 100, 7.0),
    ('default/odd', 4, 200, 50.0),
  ]
  results.update_table(
    tmp_path / 'ablations.csv',
    [
      {
        **dict.fromkeys(results.COLUMNS, 0),
        'agent': 'quinoa',
        'preset': preset,
        'task': 'walker-walk',
        'seed': seed,
        'actor_steps': steps,
        'return': value,
      }
      for preset, seed, steps, value in rows
    ],
  )
  table = ablations.make_table('ablations', tmp_path, tmp_path)
  assert table.splitlines()[2:] == [
    '| far | `discount=0.9` | 20 / 30 |  |  |',
    '| default | `discount=0.99` | 8 / - |  |  |',
    '| small | `batch_size=16` | 6 / 26 | +6 (1 of 2 runs) | +6 |',
    '| odd (deleted) | `twin=Twin()` | - / 50 | +10 (1 of 2 runs) | +10 |',
    '',
    'Not run yet: large.',
  ]
