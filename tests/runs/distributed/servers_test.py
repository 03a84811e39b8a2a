"""Tests of nodes that serve an object, and of who may connect to them."""

import threading

import courier
import launchpad as lp
import pytest
import waiting

from quinoa_acme.runs.distributed import failures
from quinoa_acme.runs.distributed import node as node_lib
from quinoa_acme.runs.distributed import servers
from quinoa_acme.utils import resources


class _Served:
  """Answers until it is told to end."""

  def __init__(self, number):
    self._number = number
    self._is_over = threading.Event()

  def tell(self):
    return self._number

  def end(self):
    self._is_over.set()

  def run(self):
    assert self._is_over.wait(waiting.LIMIT)


def _make(config, constructor, *args) -> tuple[servers.ServedNode, str]:
  """A node, and the address at which it is to serve."""
  failures.clear(config.workdir)
  node = servers.ServedNode('counter', config, constructor, *args)
  [address] = node.addresses
  address.bind(lp.SimpleLocalAddressBuilder())
  return node, address.resolve()


@pytest.fixture(autouse=True)
def _in_threads(stop, monkeypatch):
  monkeypatch.setattr(resources, 'end_with_launcher', lambda: None)
  monkeypatch.setattr(node_lib, 'leave', lambda: None)


def test_an_object_is_served_until_its_own_run_ends(config):
  node, address = _make(config, _Served, 7)
  thread = threading.Thread(target=node.run)
  thread.start()
  client = courier.Client(address)
  assert client.tell() == 7
  client.end()
  thread.join(waiting.LIMIT)
  assert not thread.is_alive()
  assert failures.read(config.workdir) is None


def test_what_fails_while_it_is_made_is_written_down(config):
  def fail():
    raise ValueError('no such thing')

  node, _ = _make(config, fail)
  with pytest.raises(ValueError, match='no such thing'):
    node.run()
  text = failures.read(config.workdir)
  assert text is not None
  assert "The counter failed: ValueError('no such thing')" in text


@pytest.mark.parametrize(
  ('is_in_cloud', 'message'),
  [
    (True, 'accepts connections to every address of this machine'),
    (False, 'is open to the network'),
  ],
)
def test_a_server_that_stays_open_is_told(
  monkeypatch, caplog, is_in_cloud, message
):
  monkeypatch.setattr(node_lib, 'runs_in_cloud', lambda: is_in_cloud)
  # Nothing listens at this port, so nothing can be limited.
  with caplog.at_level('WARNING'):
    servers.restrict('replay', '192.0.2.1', 1)
  assert f'at port 1, {message}' in caplog.text
