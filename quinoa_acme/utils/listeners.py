"""Limits who can connect to servers of this process.

Reverb and Courier listen on every interface, and have no option to change it.
But the kernel can limit a socket that listens already. All of this is Linux's.
"""

from collections.abc import Iterator
import ctypes
import os
import socket
import stat
import struct

# Of <asm-generic/socket.h>, which Python does not name.
_SO_ATTACH_FILTER = 26
# Codes of classic BPF, of <linux/bpf_common.h>: load a byte or a word of the
# packet, shift right, compare and jump, return.
_LOAD_BYTE, _LOAD_WORD, _SHIFT, _COMPARE, _RETURN = 0x30, 0x20, 0x74, 0x15, 0x06
# Offsets from here on count from the IP header: SKF_NET_OFF.
_IP_HEADER = 0xFFF00000
# Where the IP header has the destination, by the protocol's version.
_DESTINATION = {4: 16, 6: 24}
_ALL_BYTES = 0xFFFFFFFF


def serve_this_machine_only(port: int) -> bool:
  """Makes a server of this process accept connections only from this machine.

  Args:
    port: the server's.

  Returns:
    Whether the kernel did so: Linux does from 5.7 on, and earlier for root.
  """
  return _set_option(port, socket.SO_BINDTODEVICE, b'lo')


def serve_address_only(port: int, host: str) -> bool:
  """Makes a server of this process accept connections to one address only.

  Packets for the machine's other addresses are dropped, as by a firewall.

  Args:
    port: the server's.
    host: the address, or a name that resolves to it.

  Returns:
    Whether the kernel did so. It does not if the address is not one of this
    machine's own, such as that of a gateway before it.
  """
  address = _own_address(host)
  if address is None:
    return False
  instructions = _filter_of(address)
  # It must stay alive until the kernel has copied it.
  program = ctypes.create_string_buffer(b''.join(instructions))
  return _set_option(
    port,
    _SO_ATTACH_FILTER,
    struct.pack('HP', len(instructions), ctypes.addressof(program)),
  )


def _own_address(host: str) -> bytes | None:
  """The first address of a host that is this machine's, of 4 or 16 bytes."""
  try:
    found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)
  except OSError:
    return None
  for family, kind, protocol, _, address in found:
    with socket.socket(family, kind, protocol) as candidate:
      try:
        candidate.bind(address)
      except OSError:
        continue
      return socket.inet_pton(family, str(address[0]))
  return None


def _filter_of(address: bytes) -> list[bytes]:
  """The instructions that keep the packets to one address."""
  version = 4 if len(address) == 4 else 6
  words = struct.unpack(f'!{len(address) // 4}I', address)
  checks = [
    (_LOAD_BYTE, _IP_HEADER),
    (_SHIFT, 4),
    (_COMPARE, version),
  ]
  for i, word in enumerate(words):
    checks.append((_LOAD_WORD, _IP_HEADER + _DESTINATION[version] + 4 * i))
    checks.append((_COMPARE, word))
  instructions = []
  for i, (code, value) in enumerate(checks):
    # If unequal, on to the last instruction, which drops the packet.
    if_unequal = len(checks) - i if code == _COMPARE else 0
    instructions.append(struct.pack('HBBI', code, 0, if_unequal, value))
  return [
    *instructions,
    struct.pack('HBBI', _RETURN, 0, 0, _ALL_BYTES),
    struct.pack('HBBI', _RETURN, 0, 0, 0),
  ]


def _set_option(port: int, option: int, value: bytes) -> bool:
  """Sets an option of all sockets that listen at a port; whether it could."""
  done = False
  for listener in _listeners(port):
    with listener:
      try:
        listener.setsockopt(socket.SOL_SOCKET, option, value)
      except OSError:
        return False
      done = True
  return done


def _listeners(port: int) -> Iterator[socket.socket]:
  """Copies of this process's sockets that listen at a port."""
  for name in os.listdir('/proc/self/fd'):
    try:
      if not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
        continue
      candidate = socket.socket(fileno=os.dup(int(name)))
    except OSError:
      continue  # Closed meanwhile, or of a kind that Python does not know.
    is_internet = candidate.family in (socket.AF_INET, socket.AF_INET6)
    if (
      is_internet
      and candidate.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
      and candidate.getsockname()[1] == port
    ):
      yield candidate
    else:
      candidate.close()
