"""The program's nodes that serve: an object by Courier, and the replay."""

from collections.abc import Callable
import functools
from typing import Any

from absl import logging
from acme.utils.loggers import base as loggers_base
import launchpad as lp
from launchpad.nodes.courier import courier_utils
import reverb

from quinoa_acme import resources
from quinoa_acme.runs import experiment as experiment_lib
from quinoa_acme.runs import failures
from quinoa_acme.runs import node as node_lib
from quinoa_acme.runs import replay_checkpoints as replay_checkpoints_lib


def make_replay_tables(
  config: experiment_lib.ExperimentConfig,
) -> list[reverb.Table]:
  """The replay node's tables."""
  spec = config.make_spec()
  builder = config.make_agent().make_builder(spec, loggers_base.NoOpLogger)
  return builder.make_replay_tables(spec)


class ServedNode(lp.CourierNode):
  """Serves an object; what goes wrong on the way to that is written down."""

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
      *args: what it is made of, other nodes' handles among it.
    """
    super().__init__(constructor, *args)
    self._role = role
    self._workdir = config.workdir

  def run(self) -> None:
    """Serves until the object's own `run` has ended."""
    resources.end_with_launcher()
    with failures.reporting(self._workdir, self._role):
      instance = self._construct_instance()
      port = _port_of(self.courier_address)
      self._server = courier_utils.make_courier_server(instance, port=port)
      self._server.Start()
      _restrict(self._role, port)
      try:
        instance.run()
      finally:
        # A server that goes while its peers still talk to it may block, where
        # no signal reaches the node; one goes with its process in any case.
        if not node_lib.runs_in_own_process():
          self._server.Stop()
          self._server.Join()
    node_lib.leave()


class ReplayNode(lp.ReverbNode):
  """Serves the replay's tables, and saves them if the run wants that."""

  def __init__(self, config: experiment_lib.ExperimentConfig):
    """Makes the node of a run."""
    super().__init__(functools.partial(make_replay_tables, config))
    self._config = config

  def run(self) -> None:
    """Serves, and saves, until the program stops."""
    resources.end_with_launcher()
    resources.give_way()
    config = self._config
    with failures.reporting(config.workdir, 'replay'):
      match config.replay_checkpoints:
        case replay_checkpoints_lib.ReplayCheckpoints() as options:
          self._serve_and_save(options)
        case _:
          port = _port_of(self.reverb_address)
          self._server = reverb.Server(make_replay_tables(config), port)
          _restrict('replay', port)
          lp.wait_for_stop()
    node_lib.leave()

  def _serve_and_save(
    self, options: replay_checkpoints_lib.ReplayCheckpoints
  ) -> None:
    """Serves and, in another thread, which may block in Reverb, saves."""
    folder = replay_checkpoints_lib.folder_of(self._config.workdir)
    port = _port_of(self.reverb_address)
    # Kept, for a server that goes while its peers still talk to it may block.
    self._server = replay_checkpoints_lib.serve(
      functools.partial(make_replay_tables, self._config), port, folder
    )
    _restrict('replay', port)
    saver = replay_checkpoints_lib.Saver(options, folder)
    client, stop = self._server.localhost_client(), lp.stop_event()
    node_lib.Body(
      'replay', self._config.workdir, lambda _: saver.run(client, stop)
    ).run_until_stop()


def _port_of(address: lp.Address) -> int:
  return lp.get_port_from_address(address.resolve())


def _restrict(role: str, port: int) -> None:
  """Keeps a node's server to this machine, if all of the program is on it."""
  if node_lib.runs_in_cloud():
    return
  if not resources.serve_this_machine_only(port):
    logging.warning(
      'The server of the %s, at port %d, is open to the network: this kernel '
      'lets only root keep it to the loopback. Close the port in the firewall.',
      role,
      port,
    )
