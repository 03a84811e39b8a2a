"""What the documents look at."""

from experiments.lib.result_tables import looks
from quinoa_acme.runs.sweeps import results


def test_the_committed_tables_have_the_first_algorithms_on_every_task():
  curves = looks.read_runs()
  for task, steps in looks.ROWS:
    for look in looks.ALGORITHMS[:2]:
      assert results.at(curves, (look.agent, look.preset, task), steps)
