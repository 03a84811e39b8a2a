"""A run's replay in Reverb: its server, its checkpoints, its samplers.

A sampler in the process of Reverb's server receives items in memory. To another
process they go through a socket, packed and unpacked, which is half of the
work. The learner takes hundreds per update; an actor adds one per step. See
docs/decisions/0028-replay-with-the-learner.md.
"""

from collections.abc import Callable
import contextlib
import threading
import time

import launchpad as lp
import reverb

from quinoa_acme.runs import experiment as experiment_lib
from quinoa_acme.runs.checkpoints import (
  replay_checkpoints as replay_checkpoints_lib,
)
from quinoa_acme.runs.distributed import failures
from quinoa_acme.runs.distributed import node as node_lib
from quinoa_acme.runs.distributed import servers
from quinoa_acme.utils import core
from quinoa_acme.utils import resources

_ROLE = 'replay'


class Replay:
  """A run's replay, from the view of a sampler.

  Attributes:
    client: client of the server.
  """

  def __init__(self, client: reverb.Client):
    """Makes a replay that another node serves and saves."""
    self.client = client

  def check(self) -> None:
    """Raises an error of saving in this process, if there was one."""

  def close(self) -> None:
    """Saves for the last time, if this process saves; serving continues."""


class ReplayServer(Replay):
  """Serves a run's tables from now on, and saves them if the run wants that.

  Its threads give way to the learner's.
  """

  def __init__(
    self,
    config: experiment_lib.ExperimentConfig,
    host: str,
    port: int | None,
  ):
    """Starts the server, from the last checkpoint if there is one.

    Args:
      config: the run.
      host: the host of its address.
      port: the port to serve at, or None for any.

    Raises:
      ValueError: if the port is in use; also written down for the launcher.
    """
    self._workdir = config.workdir
    self._error: Exception | None = None
    self._closing = threading.Event()
    spec = config.make_spec()
    builder = config.make_agent().make_builder(spec, core.NoOpLogger)

    def make_tables() -> list[reverb.Table]:
      return builder.make_replay_tables(spec)

    warn = node_lib.make_teller(config)
    # Keep the server: deleting it while peers talk to it may block.
    saver = None
    with failures.reporting(self._workdir, _ROLE):
      match config.replay_checkpoints:
        case replay_checkpoints_lib.ReplayCheckpoints() as options:
          folder = replay_checkpoints_lib.folder_of(self._workdir)
          saver = replay_checkpoints_lib.Saver(options, folder, warn)
          self._server = resources.call_behind(
            lambda: replay_checkpoints_lib.serve(
              make_tables, port, folder, warn
            )
          )
        case _:
          self._server = resources.call_behind(
            lambda: reverb.Server(make_tables(), port)
          )
      servers.restrict(_ROLE, host, self._server.port)
    super().__init__(self._server.localhost_client())
    # Reverb may block here.
    self._thread = threading.Thread(
      target=self._save, args=(saver,), name='replay saver', daemon=True
    )
    self._thread.start()

  def check(self) -> None:
    """Raises an error of saving, if there was one."""
    if self._error is not None:
      raise self._error

  def close(self) -> None:
    """Saves for the last time, if that is quick.

    If it takes longer than `node.GRACE_SECONDS`, it is abandoned.
    """
    self._closing.set()
    self._thread.join(node_lib.GRACE_SECONDS)

  def _save(self, saver: replay_checkpoints_lib.Saver | None) -> None:
    if saver is None:
      return
    resources.give_way()
    try:
      with failures.reporting(self._workdir, _ROLE):
        saver.run(self.client, self._closing)
    except Exception as error:
      self._error = error


class ReplayNode(lp.ReverbNode):
  """Serves the replay where the learner's node cannot."""

  def __init__(self, config: experiment_lib.ExperimentConfig):
    """Makes the node for a run."""
    super().__init__(lambda: [])  # The server makes the tables.
    self._config = config

  def run(self) -> None:
    """Serves and saves until the program stops."""
    resources.end_with_launcher()
    with node_lib.leaving_at_once():
      place = servers.place_of(self.reverb_address)
      replay = ReplayServer(self._config, *place)

    def save_at_the_end(stopping: Callable[[], bool]) -> None:
      with contextlib.closing(replay):
        while not stopping():
          time.sleep(node_lib.POLL_SECONDS)

    node_lib.Body(
      _ROLE, self._config.workdir, save_at_the_end, replay.check
    ).run_until_stop()
