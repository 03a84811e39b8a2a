"""Tests of the parts of the distributed program; launches are elsewhere."""

import dataclasses
import itertools
import threading
import time

import cloudpickle
import jax
import launchpad as lp
import numpy as np
import pytest
import reverb

from quinoa_acme import environments
from quinoa_acme.agents import quinoa
from quinoa_acme.runs import experiment
from quinoa_acme.runs import failures
from quinoa_acme.runs import program
from quinoa_acme.runs import progress
from quinoa_acme.runs import run_state

_NAME = 'control:cartpole:balance'


@pytest.fixture
def config(tmp_path):
  return experiment.ExperimentConfig(
    agent=quinoa.QuinoaConfig.debug(),
    environment_factory=environments.EnvironmentFactory(_NAME),
    env_name=_NAME,
    workdir=str(tmp_path),
    num_steps=1000,
    num_actors=2,
  )


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


def test_coordinator_finishes_at_the_target(config):
  coordinator = program.Coordinator(config)
  assert not coordinator.should_finish()
  coordinator.increment(actor_steps=999)
  assert not coordinator.should_finish()
  coordinator.increment(actor_steps=1)
  assert coordinator.should_finish()


def test_coordinator_knows_who_is_done(config):
  coordinator = program.Coordinator(config)
  assert not coordinator.is_done('learner')
  coordinator.report_done('learner')
  assert coordinator.is_done('learner')
  assert not coordinator.is_done('actor_1')
  coordinator.report_done('actor_0')
  assert not coordinator.are_actors_done()
  coordinator.report_done('actor_1')
  assert coordinator.are_actors_done()


def test_coordinator_names_who_does_not_finish(config, monkeypatch, tmp_path):
  monkeypatch.setattr(lp, 'stop_event', threading.Event)
  monkeypatch.setattr(program, '_FINISH_SECONDS', 0.5)
  program.clear(str(tmp_path))
  coordinator = program.Coordinator(config)
  coordinator.increment(actor_steps=1000)
  for role in ('learner', 'actor_0'):
    coordinator.report_done(role)
  with pytest.raises(TimeoutError, match='actor_1, evaluator did not finish'):
    coordinator.run()
  assert 'did not finish' in str(failures.read(str(tmp_path)))


def test_status_round_trip(tmp_path):
  assert program.read_status(str(tmp_path)) == progress.Status()
  status = progress.Status(actor_steps=3, evaluation_return=1.5, finished=True)
  program.write_status(str(tmp_path), status)
  assert program.read_status(str(tmp_path)) == status
  program.clear(str(tmp_path))
  assert program.read_status(str(tmp_path)) == progress.Status()


def test_stoppable_iterator_passes_items_on_in_order():
  iterator = program.StoppableIterator(lambda: iter(range(5)))
  assert list(iterator) == [0, 1, 2, 3, 4]


def test_stoppable_iterator_passes_the_error_on():
  def fail():
    yield 1
    raise RuntimeError('no more')

  iterator = program.StoppableIterator(fail)
  assert next(iterator) == 1
  with pytest.raises(RuntimeError, match='no more'):
    next(iterator)


def test_stoppable_iterator_leaves_one_that_blocks():
  release = threading.Event()

  def block():
    release.wait(60.0)
    yield 1

  iterator = program.StoppableIterator(block)
  calls = itertools.count()
  iterator.stop_when(lambda: next(calls) > 2)
  started = time.monotonic()
  with pytest.raises(StopIteration):
    next(iterator)
  assert time.monotonic() - started < 5.0
  release.set()


class _Source:
  """Serves policy parameters that tell how often they were asked for."""

  def __init__(self, networks):
    self._networks = networks
    self.requests = 0

  def get_variables(self, names):
    self.requests += 1
    params = self._networks.policy.init(
      jax.random.PRNGKey(0),
      self._networks.example_observation,
      self._networks.example_action,
    )
    return [quinoa.PolicyVariables(params, np.float32(0.1)) for _ in names]


class _Counts:
  """A coordinator whose run has reached its target, the learner being done."""

  def __init__(self):
    self.returns = {}
    self.done = []

  def get_counts(self):
    return {'actor_steps': 1000, 'learner_steps': 900}

  def should_finish(self):
    return True

  def is_done(self, role):
    return True

  def report(self, values):
    self.returns = dict(values)

  def report_done(self, role):
    self.done.append(role)


@pytest.fixture
def stop(monkeypatch) -> threading.Event:
  """Lets nodes run in threads of the test; set, it stops them."""
  stop = threading.Event()
  monkeypatch.setattr(lp, 'stop_event', lambda: stop)
  monkeypatch.setattr(program, '_runs_in_own_process', lambda: False)
  monkeypatch.setattr(program, '_runs_in_cloud', lambda: False)
  return stop


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_evaluator_takes_the_last_parameters_and_keeps_to_them(config, stop):
  """All of the last evaluation is of the learner's last parameters."""
  config = dataclasses.replace(config, evaluation_episodes=1)
  source = _Source(config.make_agent().make_networks(config.make_spec()))
  counts = _Counts()
  node = threading.Thread(
    target=program.run_evaluator, args=(config, source, counts)
  )
  node.start()
  deadline = time.monotonic() + 60.0
  while not counts.done and time.monotonic() < deadline:
    time.sleep(0.1)
  stop.set()
  node.join()
  assert counts.done == ['evaluator']
  assert counts.returns['evaluation_return'] > 0
  assert source.requests == 1


class _GoneWhenStopped(program.Coordinator):
  """Is gone as soon as the program stops, before the learner's step is over."""

  def __init__(self, config, stop: threading.Event):
    super().__init__(config)
    self._stop = stop

  def increment(self, **counts):
    if 'learner_steps' in counts:
      self._stop.set()
      raise RuntimeError('the counter is gone')
    return super().increment(**counts)


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_learner_saves_although_the_others_are_gone_before_it(config, stop):
  """Nodes stop in any order: a call of a peer may fail in the last step."""
  server = reverb.Server(program.make_replay_tables(config))
  client = reverb.Client(f'localhost:{server.port}')
  environment = config.environment_factory(0)
  adder = quinoa.QuinoaBuilder(config.agent).make_adder(client)
  assert adder is not None
  adder.add_first(environment.reset())
  action = np.zeros(environment.action_spec().shape, np.float32)
  for _ in range(config.agent.min_replay_size + 1):
    adder.add(action, environment.step(action))
  node = program.LearnerNode(config, client, _GoneWhenStopped(config, stop))
  thread = threading.Thread(target=node.run, daemon=True)
  thread.start()
  thread.join(120.0)
  assert not thread.is_alive()
  steps = config.agent.num_sgd_steps_per_step
  assert run_state.learner_steps(config.workdir) == steps


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_learner_takes_samples_until_actors_at_the_limiter_are_done(
  config, stop
):
  """The target is reached while an actor waits for the learner to sample."""
  coordinator = program.Coordinator(config)
  coordinator.report_done('actor_1')
  coordinator.increment(actor_steps=config.num_steps)
  assert coordinator.should_finish()
  server = reverb.Server(program.make_replay_tables(config))
  client = reverb.Client(f'localhost:{server.port}')
  builder = quinoa.QuinoaBuilder(config.agent)
  environment = config.environment_factory(0)
  adder = builder.make_adder(client)
  assert adder is not None
  # Twice what the limiter lets in while nothing is sampled.
  agent = config.agent
  num_inserts = 2 * int(
    agent.min_replay_size + agent.error_buffer / agent.samples_per_insert
  )
  action = np.zeros(environment.action_spec().shape, np.float32)

  def act():
    adder.add_first(environment.reset())
    for _ in range(num_inserts):
      adder.add(action, environment.step(action))
    coordinator.report_done('actor_0')

  node = program.LearnerNode(config, client, coordinator)
  threads = [threading.Thread(target=f, daemon=True) for f in (act, node.run)]
  for thread in threads:
    thread.start()
  threads[0].join(60.0)
  assert coordinator.are_actors_done(), 'the actor waits for ever'
  deadline = time.monotonic() + 60.0
  while not coordinator.is_done('learner') and time.monotonic() < deadline:
    time.sleep(0.1)
  stop.set()
  threads[1].join(60.0)
  assert coordinator.is_done('learner')
