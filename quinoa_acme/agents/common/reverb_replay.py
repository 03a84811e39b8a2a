"""The replay of an off-policy agent in Reverb: its table, dataset and adders.

Importing this imports Reverb and TensorFlow.
"""

from collections.abc import Iterator
import math
from typing import cast

from acme.datasets import reverb as datasets
import numpy as np
import reverb

from quinoa_acme.agents.common import off_policy
from quinoa_acme.agents.common import pace
from quinoa_acme.data import batched_adders
from quinoa_acme.data import packing
from quinoa_acme.data import replay as replay_lib
from quinoa_acme.utils import common_types as types
from quinoa_acme.utils import resources


def make_tables(
  config: off_policy.OffPolicyConfig, spec: types.EnvironmentSpec, builder: str
) -> list[reverb.Table]:
  """Makes the table of transitions, with its limiter and its signature.

  Args:
    config: the agent's options.
    spec: the environment's specs.
    builder: the name of the builder that asks, for an error message.

  Returns:
    The table.

  Raises:
    ValueError: if it is for a layout that would wait for itself.
  """
  pace.check_layout(
    config.min_replay_size, config.samples_per_insert_tolerance, builder
  )
  # Reverb counts items.
  number = config.transitions_per_item
  limiter = reverb.rate_limiters.SampleToInsertRatio(
    min_size_to_sample=math.ceil(config.min_replay_size / number),
    samples_per_insert=config.samples_per_insert * number,
    error_buffer=config.error_buffer,
  )
  layout = packing.Packing(spec, config.window, number)
  return [
    reverb.Table(
      name=config.replay_table_name,
      sampler=reverb.selectors.Uniform(),
      remover=reverb.selectors.Fifo(),
      max_size=math.ceil(config.max_replay_size / number),
      rate_limiter=limiter,
      signature=layout.signature(),
    )
  ]


def make_dataset(
  config: off_policy.OffPolicyConfig, client: reverb.Client
) -> Iterator[reverb.ReplaySample]:
  """Makes batches of num_sgd_steps_per_step * batch_size transitions.

  Args:
    config: the agent's options.
    client: client of the server with the table.

  Returns:
    Samples whose data are Acme's transitions.

  Raises:
    ValueError: if the table does not hold packed transitions.
  """
  table = client.server_info()[config.replay_table_name]
  layout = packing.Packing.from_signature(table.signature)
  resources.hide_gpus_from_tensorflow()
  # One worker: each further one adds a thread, and batches in flight, which
  # are older when they are used.
  dataset = datasets.make_reverb_dataset(
    server_address=client.server_address,
    table=config.replay_table_name,
    batch_size=config.samples_per_step,
    prefetch_size=config.prefetch_size,
    num_parallel_calls=1,
    max_in_flight_samples_per_worker=config.batch_size,
  )
  samples = cast(Iterator[reverb.ReplaySample], dataset.as_numpy_iterator())
  rng = np.random.default_rng()
  return (layout.unpack_sample(sample, rng) for sample in samples)


def make_adder(
  config: off_policy.OffPolicyConfig, client: reverb.Client
) -> replay_lib.ReplayAdder:
  """Makes the adder for the table's transitions.

  Args:
    config: the agent's options.
    client: client of the server with the table.

  Returns:
    The adder.
  """
  return replay_lib.make_adder(
    packing.PackedWriter(client, config.replay_table_name),
    config.transition_steps,
    config.window,
    config.discount,
  )


def make_batched_adder(
  config: off_policy.OffPolicyConfig,
  client: reverb.Client,
  num_environments: int,
) -> batched_adders.BatchedAdder:
  """Makes the adder of one-step transitions or windows for N environments.

  Args:
    config: the agent's options.
    client: client of the server with the table.
    num_environments: N.

  Returns:
    The adder.
  """
  return batched_adders.BatchedWindowAdder(
    packing.PackedWriter(client, config.replay_table_name),
    num_environments,
    config.window,
    config.discount,
  )
