"""Who hears what: the listening sockets of this machine."""

import socket
import struct


def devices() -> dict[int, int]:
  """The device that each listening socket hears, by inode; 0 is any.

  From the kernel's inet_diag, as the command `ss` has it.
  """
  found = {}
  for family in (socket.AF_INET, socket.AF_INET6):
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as kernel:
      # A dump (0x301) of sockets (20) of TCP (6) that listen (1 << 10).
      request = struct.pack('=BBBxI48x', family, 6, 0, 1 << 10)
      header = struct.pack('=IHHII', 16 + len(request), 20, 0x301, 0, 0)
      kernel.send(header + request)
      while True:
        data = kernel.recv(1 << 16)
        while data:
          length, kind = struct.unpack_from('=IH', data)
          if kind != 20:
            break
          (device,) = struct.unpack_from('=I', data, 16 + 4 + 36)
          (inode,) = struct.unpack_from('=I', data, 16 + 4 + 48 + 16)
          found[inode] = device
          data = data[(length + 3) // 4 * 4 :]
        if data:
          break
  return found
