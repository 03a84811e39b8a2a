"""Tests of the program's learner, and of what it reads."""

import threading

import numpy as np
import pytest
import waiting

from quinoa_acme.agents import quinoa
from quinoa_acme.runs.checkpoints import run_state
from quinoa_acme.runs.distributed import coordinator as coordinator_lib
from quinoa_acme.runs.distributed import learner_node
from quinoa_acme.runs.distributed import replay_server


class _Gone(coordinator_lib.Coordinator):
  """Is gone as soon as the program stops, before the learner's step is over."""

  def __init__(self, config, stop: threading.Event):
    super().__init__(config)
    self._stop = stop
    self.never = threading.Event()

  def increment(self, **counts):
    if 'learner_steps' in counts:
      self._stop.set()
      self.fail()
    return super().increment(**counts)

  def fail(self):
    """What a call of a server that ends comes to."""
    raise RuntimeError('the counter is gone')


class _Silent(_Gone):
  """Is gone, so that a call to it waits for ever."""

  def fail(self):
    """What a call of a server that has ended comes to."""
    self.never.wait(waiting.LIMIT)


@pytest.mark.slow
@pytest.mark.parametrize('gone', [_Gone, _Silent])
def test_learner_saves_although_the_others_are_gone_before_it(
  gone, config, stop, serve
):
  """Nodes stop in any order: a call of a peer may fail in the last step."""
  coordinator = gone(config, stop)
  replay = replay_server.ReplayServer(config, 'localhost', None)
  node = learner_node.LearnerNode(config, replay, serve(coordinator))
  environment = config.environment_factory(0)
  adder = quinoa.QuinoaBuilder(config.agent).make_adder(replay.client)
  assert adder is not None
  adder.add_first(environment.reset())
  action = np.zeros(environment.action_spec().shape, np.float32)
  for _ in range(config.agent.min_replay_size + config.agent.window):
    adder.add(action, environment.step(action))
  thread = threading.Thread(target=node.run, daemon=True)
  thread.start()
  thread.join(waiting.LIMIT)
  coordinator.never.set()
  assert not thread.is_alive()
  steps = config.agent.num_sgd_steps_per_step
  assert run_state.learner_steps(config.workdir) == steps


@pytest.mark.slow
def test_learner_takes_samples_until_actors_at_the_limiter_are_done(
  config, stop, serve
):
  """The target is reached while an actor waits for the learner to sample."""
  coordinator = coordinator_lib.Coordinator(config)
  coordinator.report_done('actor_1')
  coordinator.increment(actor_steps=config.num_steps)
  assert coordinator.should_finish()
  replay = replay_server.ReplayServer(config, 'localhost', None)
  node = learner_node.LearnerNode(config, replay, serve(coordinator))
  builder = quinoa.QuinoaBuilder(config.agent)
  environment = config.environment_factory(0)
  adder = builder.make_adder(replay.client)
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

  threads = [threading.Thread(target=f, daemon=True) for f in (act, node.run)]
  for thread in threads:
    thread.start()
  threads[0].join(waiting.LIMIT)
  assert coordinator.are_actors_done(), 'the actor waits for ever'
  waiting.wait_until(lambda: coordinator.is_done('learner'), 'the learner')
  stop.set()
  threads[1].join(waiting.LIMIT)
  assert coordinator.is_done('learner')
