"""The flags of a script that trains, for tests."""

from collections.abc import Sequence
import copy

from absl import flags
import launchpad  # noqa: F401 - defines lp_launch_type.

from quinoa_acme.runs import command_line


def define(algorithm: str, nested: Sequence[str] = ()) -> flags.FlagValues:
  """The flags, Launchpad's among them, not yet parsed."""
  values = flags.FlagValues()
  values['lp_launch_type'] = copy.deepcopy(flags.FLAGS['lp_launch_type'])
  command_line.define_flags(algorithm, values, nested)
  return values
