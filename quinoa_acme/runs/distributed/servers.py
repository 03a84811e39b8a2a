"""The program's nodes that serve an object, and access to their servers."""

from collections.abc import Callable
from typing import Any

from absl import logging
import launchpad as lp
from launchpad.nodes.courier import courier_utils

from quinoa_acme.runs import experiment as experiment_lib
from quinoa_acme.runs.distributed import failures
from quinoa_acme.runs.distributed import node as node_lib
from quinoa_acme.utils import listeners
from quinoa_acme.utils import resources


class ServedNode(lp.CourierNode):
  """Serves an object; failures on the way to that are written down."""

  def __init__(
    self,
    role: str,
    config: experiment_lib.ExperimentConfig,
    constructor: Callable[..., Any],
    *args: Any,
  ):
    """Makes the node.

    Args:
      role: its name.
      config: the run.
      constructor: makes the object, in the node's process.
      *args: its arguments, which may include other nodes' handles.
    """
    super().__init__(constructor, *args)
    self._role = role
    self._workdir = config.workdir

  def run(self) -> None:
    """Serves until the object's own `run` ends."""
    resources.end_with_launcher()
    with failures.reporting(self._workdir, self._role):
      instance = self._construct_instance()
      host, port = place_of(self.courier_address)
      self._server = courier_utils.make_courier_server(instance, port=port)
      self._server.Start()
      restrict(self._role, host, port)
      try:
        instance.run()
      finally:
        # Shutting down a server while peers talk to it may block, where no
        # signal reaches the node. The process's end closes it in any case.
        if not node_lib.runs_in_own_process():
          self._server.Stop()
          self._server.Join()
    node_lib.leave()


def place_of(address: lp.Address) -> tuple[str, int]:
  """The host and port at which a node is to serve, in the node's process."""
  resolved = address.resolve()
  return resolved.rpartition(':')[0], lp.get_port_from_address(resolved)


def restrict(role: str, host: str, port: int) -> None:
  """Limits a server to its own address; on this machine, to the loopback.

  Args:
    role: the name of what it serves, for a warning if this fails.
    host: the host of its address.
    port: its port.
  """
  if not node_lib.runs_in_cloud():
    if not listeners.serve_this_machine_only(port):
      logging.warning(
        'The server of the %s, at port %d, is open to the network: this kernel '
        'lets only root bind it to the loopback. Close the port in the '
        'firewall.',
        role,
        port,
      )
  elif not listeners.serve_address_only(port, host):
    logging.warning(
      'The server of the %s, at port %d, accepts connections to every address '
      'of this machine, since %s is not one of them. Close the port in the '
      'firewall to all but the nodes.',
      role,
      port,
      host,
    )
