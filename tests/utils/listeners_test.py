"""Servers of this process accept connections from where they should."""

import os
import socket

import listening
import pytest

from quinoa_acme.utils import listeners


def _answers(host: str, port: int) -> bool:
  """Whether a server is reached at an address of this machine."""
  try:
    # A dropped packet has no answer, however long one waits.
    socket.create_connection((host, port), timeout=0.5).close()
  except TimeoutError:
    return False
  return True


def test_a_server_is_kept_to_this_machine():
  with socket.create_server(('', 0)) as server:
    port = server.getsockname()[1]
    inode = os.fstat(server.fileno()).st_ino
    assert listening.devices()[inode] == 0
    assert listeners.serve_this_machine_only(port)
    assert listening.devices()[inode] == socket.if_nametoindex('lo')
    assert _answers('localhost', port)


@pytest.mark.parametrize(
  ('host', 'other'),
  # All of 127.0.0.0/8 is this machine's.
  [
    ('127.0.0.2', '127.0.0.1'),
    ('localhost', '127.0.0.2'),
    ('::1', '127.0.0.1'),
  ],
)
def test_a_server_is_kept_to_one_address(host, other):
  # As gRPC's, which hears both protocols.
  with socket.create_server(
    ('', 0), family=socket.AF_INET6, dualstack_ipv6=True
  ) as server:
    port = server.getsockname()[1]
    assert _answers(host, port)
    assert _answers(other, port)
    assert listeners.serve_address_only(port, host)
    assert not _answers(other, port)
    # And whoever is connected can be heard.
    with socket.create_connection((host, port)) as client:
      client.sendall(b'hello')
      for _ in range(3):  # The connections that were only tried come first.
        accepted, _ = server.accept()
        with accepted:
          received = accepted.recv(5)
    assert received == b'hello'


@pytest.mark.parametrize('host', ['192.0.2.1', 'no-such-host.invalid'])
def test_an_address_of_another_machine_limits_nothing(host):
  with socket.create_server(('', 0)) as server:
    port = server.getsockname()[1]
    assert not listeners.serve_address_only(port, host)
    assert _answers('127.0.0.1', port)


@pytest.mark.parametrize(
  'limit',
  [
    listeners.serve_this_machine_only,
    lambda port: listeners.serve_address_only(port, '127.0.0.1'),
  ],
)
def test_a_port_of_no_server_is_not_taken_for_one(limit):
  with socket.socket() as bound:
    bound.bind(('localhost', 0))
    assert not limit(bound.getsockname()[1])
