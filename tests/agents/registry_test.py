"""An agent from outside is registered as the package's own are."""

import dataclasses
import json
import pathlib

import pytest
import warm

from quinoa_acme import agents as agents_package
from quinoa_acme.agents import agents
from quinoa_acme.agents import quinoa
from quinoa_acme.agents import registry
from quinoa_acme.agents import sac
from quinoa_acme.agents.common import off_policy
from quinoa_acme.runs import running
from quinoa_acme.runs.checkpoints import run_folder

pytestmark = pytest.mark.usefixtures('registers')


@dataclasses.dataclass(frozen=True)
class MineConfig(off_policy.OffPolicyConfig):
  width: int = 8

  @classmethod
  def wide(cls):
    return cls(width=64)

  @classmethod
  def of_width(cls, width):
    return cls(width=width)

  @classmethod
  def _hidden(cls):
    return cls()


@dataclasses.dataclass(frozen=True)
class MineAgent:
  config: MineConfig


def test_one_of_ones_own_is_found_by_its_options_and_by_name():
  agents_package.register('mine', MineConfig, MineAgent)
  assert agents.make_agent(MineConfig.wide()) == MineAgent(MineConfig(width=64))
  assert agents.CONFIGS['MineConfig'] is MineConfig
  assert running.find_preset('mine', 'wide')() == MineConfig(width=64)


def test_presets_are_the_class_methods_that_take_nothing():
  agents.register('mine', MineConfig, MineAgent)
  assert list(running.PRESETS['mine']) == ['default', 'wide']
  # Those of a base class come first, and make the class's own.
  inherited = dataclasses.make_dataclass(
    'HeirConfig', [], bases=(quinoa.QuinoaConfig,), frozen=True
  )
  agents.register('heir', inherited, quinoa.QuinoaAgent)
  presets = running.PRESETS['heir']
  assert list(presets) == list(running.PRESETS['quinoa'])
  assert type(presets['paper']()) is inherited


def _with_field(hint, default, **options):
  return dataclasses.make_dataclass(
    'OddConfig',
    [('field', hint, dataclasses.field(default=default))],
    bases=(off_policy.OffPolicyConfig,),
    frozen=True,
    **options,
  )


@dataclasses.dataclass
class Thawed:
  width: int = 8


@dataclasses.dataclass(frozen=True)
class Stranger:
  width: int = 8


@dataclasses.dataclass(frozen=True, kw_only=True)
class Demanding(off_policy.OffPolicyConfig):
  width: int


def _namesake():
  return dataclasses.make_dataclass(
    'SACConfig', [], bases=(off_policy.OffPolicyConfig,), frozen=True
  )


@pytest.mark.parametrize(
  ('name', 'config', 'agent', 'error', 'message'),
  [
    ('Mine', MineConfig, MineAgent, ValueError, "small letters.*not by 'Mine'"),
    (
      'sac',
      MineConfig,
      MineAgent,
      ValueError,
      "an agent 'sac' with S",
    ),
    (
      'mine',
      sac.SACConfig,
      MineAgent,
      ValueError,
      "agent 'sac' with",
    ),
    ('mine', _namesake(), MineAgent, ValueError, 'other names'),
    (
      'sac',
      _namesake(),
      MineAgent,
      ValueError,
      r'from quinoa_acme\.',
    ),
    ('mine', MineConfig(), MineAgent, TypeError, 'expected a frozen dataclass'),
    ('mine', int, MineAgent, TypeError, "dataclass, but got <class 'int'>"),
    ('mine', Thawed, MineAgent, TypeError, 'Thawed must be frozen'),
    ('mine', Stranger, MineAgent, TypeError, 'must be an OffPolicyConfig'),
    ('mine', Demanding, MineAgent, TypeError, r"default, but \['width'\] have"),
    ('mine', MineConfig, 'MineAgent', TypeError, 'agent must be a class'),
    ('mine', _with_field(dict, None), MineAgent, TypeError, 'expected dict'),
    ('mine', _with_field('Gone', 1), MineAgent, TypeError, "'Gone' is not def"),
    (
      'mine',
      _with_field(object, dataclasses),
      MineAgent,
      TypeError,
      'cannot be written as JSON',
    ),
  ],
)
def test_what_cannot_be_registered_is_refused(
  name, config, agent, error, message
):
  before = {**agents.CONFIGS}
  with pytest.raises(error, match=message):
    agents.register(name, config, agent)
  assert before == {**agents.CONFIGS}


def test_options_that_are_defined_again_take_the_place_of_the_first():
  agents.register('mine', MineConfig, MineAgent)
  again = dataclasses.make_dataclass(
    'MineConfig', [], bases=(off_policy.OffPolicyConfig,), frozen=True
  )
  again.__module__ = MineConfig.__module__
  agents.register('mine', again, MineAgent)
  assert agents.CONFIGS['MineConfig'] is again
  with pytest.raises(TypeError, match=r'by quinoa_acme\.agents\.register'):
    agents.make_agent(MineConfig())


def test_what_a_file_says_is_imported_only_if_the_user_says_so_too(
  tmp_path, monkeypatch
):
  monkeypatch.chdir(tmp_path)
  module = tmp_path / 'own_agent_module.py'
  module.write_text(
    'import dataclasses, pathlib\n'
    'from quinoa_acme import agents\n'
    'from quinoa_acme.agents import quinoa\n'
    'pathlib.Path("imported").touch()\n'
    '@dataclasses.dataclass(frozen=True)\n'
    'class OwnConfig(quinoa.QuinoaConfig):\n'
    '  width: int = 8\n'
    'agents.register("own", OwnConfig, quinoa.QuinoaAgent)\n'
  )
  plain = {
    'env_name': 'control:cartpole:swingup',
    'agent': {'type': 'OwnConfig', 'width': 9},
    'modules': ['own_agent_module'],
  }
  pathlib.Path('run').mkdir()
  pathlib.Path('run', 'config.json').write_text(json.dumps(plain))
  for read in (run_folder.read_agent, running.read_config):
    with pytest.raises(
      ValueError, match="--modules='own_agent_module'"
    ) as error:
      read('run')
    assert "is of the agent 'OwnConfig'" in str(error.value)
  assert not pathlib.Path('imported').exists()
  config = running.read_config('run', modules='own_agent_module.py')
  assert pathlib.Path('imported').exists()
  assert config.agent.width == 9
  assert config.describe()['modules'] == ['own_agent_module']
  assert run_folder.read_agent('run') == config.agent


_SCRIPT = """
import dataclasses, sys
import cloudpickle
from quinoa_acme import environments
from quinoa_acme import agents
from quinoa_acme.agents import quinoa
from quinoa_acme.networks.flows import flow_registry
from quinoa_acme.networks.flows import tilted
from quinoa_acme.runs import experiment

@flow_registry.register
@dataclasses.dataclass(frozen=True)
class OwnFlow(tilted.TiltedFlowConfig):
  pass

@dataclasses.dataclass(frozen=True)
class OwnConfig(quinoa.QuinoaConfig):
  flow: flow_registry.FlowConfig = OwnFlow()

@dataclasses.dataclass(frozen=True)
class OwnAgent(quinoa.QuinoaAgent):
  pass

agents.register('own', OwnConfig, OwnAgent)
config = experiment.ExperimentConfig(
  agent=OwnConfig(),
  environment_factory=environments.EnvironmentFactory('control:point_mass:easy'),
  env_name='mine',
  workdir='run',
)
with open('config.pkl', 'wb') as file:
  cloudpickle.dump(config, file)
print(config.describe()['modules'])
"""

_NODE = """
import dataclasses
import cloudpickle
with open('config.pkl', 'rb') as file:
  config = cloudpickle.load(file)
agent = dataclasses.replace(config.agent, batch_size=32)
print(type(config.make_agent()).__name__, config.env_name, agent.batch_size)
"""


@pytest.mark.slow
def test_what_a_script_registers_goes_to_nodes_with_the_run(tmp_path):
  (tmp_path / 'script.py').write_text(_SCRIPT)
  result = warm.run('script.py', cwd=tmp_path)
  assert result.returncode == 0, result.stderr
  assert result.stdout == "['path/to/your/script.py']\n"
  assert warm.run_well('-c', _NODE, cwd=tmp_path) == 'OwnAgent mine 32\n'


def test_what_can_be_imported_is_not_carried():
  agents.register('mine', MineConfig, MineAgent)
  assert registry.carry(MineConfig()) == ([], [])
  assert registry.carry(quinoa.QuinoaConfig()) == ([], [])
