"""Tests of the options that a command line names."""

import dataclasses
import json

import pytest

from quinoa_acme.agents import quinoa
from quinoa_acme.networks import RealNVPConfig
from quinoa_acme.runs import running
from quinoa_acme.utils import options


def test_reads_scalars_tuples_and_composed_options():
  config = options.replace(
    quinoa.QuinoaConfig(),
    {
      'learning_rate': '1',
      'batch_size': '128',
      'value_hidden_sizes': '(64, 32)',
      'temperature': 'DualTemperature(0.2)',
      'prior': 'LaggedPrior(Polyak(rate=0.01), flatness=0.25)',
      'target': 'CopyEvery(100)',
      'flow': 'RealNVPConfig(num_couplings=6, hidden_sizes=(8,))',
      'evaluation_policy': 'Sample',
      'replay_table_name': 'mine',
    },
  )
  assert config.learning_rate == 1.0
  assert isinstance(config.learning_rate, float)
  assert config.batch_size == 128
  assert config.value_hidden_sizes == (64, 32)
  assert config.temperature == quinoa.DualTemperature(epsilon=0.2)
  assert config.prior == quinoa.LaggedPrior(quinoa.Polyak(0.01), flatness=0.25)
  assert config.target == quinoa.CopyEvery(100)
  assert config.flow == RealNVPConfig(num_couplings=6, hidden_sizes=(8,))
  assert config.evaluation_policy == quinoa.Sample()
  assert config.replay_table_name == 'mine'


def test_leaves_the_configuration_as_it_was():
  config = quinoa.QuinoaConfig()
  options.replace(config, {'batch_size': '128'})
  assert config == quinoa.QuinoaConfig()


def test_reads_fields_of_options_beside_options():
  config = options.replace(
    quinoa.QuinoaConfig.paper(),
    {
      'flow.num_couplings': '3',
      'prior.averaging.period': '7',
      'temperature.rate': '0.1',
      'temperature': 'MultiplierTemperature(epsilon=0.5)',
    },
  )
  paper = quinoa.QuinoaConfig.paper()
  assert config.flow == dataclasses.replace(paper.flow, num_couplings=3)
  assert config.prior == quinoa.LaggedPrior(quinoa.CopyEvery(7))
  assert config.temperature == quinoa.MultiplierTemperature(
    epsilon=0.5, rate=0.1
  )


@pytest.mark.parametrize(
  ('field', 'text', 'message'),
  [
    ('batch_sise', '1', "no field 'batch_sise'; did you mean 'batch_size'"),
    ('batch_size', '1.5', 'expected int, not 1.5'),
    ('batch_size', 'True', 'expected int, not True'),
    ('learning_rate', "'a'", "expected float, not 'a'"),
    ('learning_rate', '1e-3)', 'expected float, which this is not'),
    ('learning_rate', '__import__("os")', 'expected a literal'),
    ('learning_rate', '1 + 1', 'expected a number'),
    ('value_hidden_sizes', '3', 'expected a tuple of int'),
    ('temperature', '0.1', 'expected one of FixedTemperature'),
    ('temperature', 'DualTemperatur()', "did you mean 'DualTemperature'"),
    ('temperature', 'DualTemperature(eps=1)', "no field 'eps'"),
    ('temperature', 'DualTemperature(1, 2, 3, 4)', 'at most 3'),
    ('temperature', 'DualTemperature(epsilon=-1)', 'must be positive'),
    ('flow.max_tlt', '1', "flow: TiltedFlowConfig has no field 'max_tlt'"),
    ('flow.max_tilt', 'a', "flow: max_tilt='a': expected"),
    ('flow.max_tilt', '-1', 'flow: max_tilt must be'),
    ('flwo.max_tilt', '1', "no field 'flwo'; did you mean 'flow'"),
    ('batch_size.x', '1', 'batch_size=256 has no fields'),
    ('prior', 'CopyEvery(3)', 'expected one of UniformPrior, LaggedPrior'),
  ],
)
def test_says_what_was_wrong(field, text, message):
  with pytest.raises(ValueError, match=field.partition('.')[0]) as error:
    options.replace(quinoa.QuinoaConfig(), {field: text})
  assert message in str(error.value)


_PRESETS = [
  preset()
  for presets in running.PRESETS.values()
  for preset in presets.values()
]


@pytest.mark.parametrize('config', _PRESETS)
def test_a_configuration_comes_back_from_json(config):
  plain = json.loads(json.dumps(options.to_plain(config)))
  assert options.from_plain(plain, type(config)) == config


@pytest.mark.parametrize(
  ('change', 'message'),
  [
    ({'type': 'SACConfig'}, "expected QuinoaConfig, not 'SACConfig'"),
    ({'gamma': 0.9}, 'they are of another version'),
    ({'discount': 'much'}, "expected float, not 'much'"),
    ({'discount': 2.0}, r'discount must be in \[0, 1\)'),
    ({'prior': {'type': 'FlatPrior'}}, "not 'FlatPrior'"),
  ],
)
def test_a_configuration_that_does_not_fit_is_refused(change, message):
  plain = {**options.to_plain(quinoa.QuinoaConfig()), **change}
  with pytest.raises(ValueError, match=message):
    options.from_plain(plain, quinoa.QuinoaConfig)
