"""A run that is stopped for a while (Ctrl-Z, a debugger, a suspended laptop) is not hung.

A run in one process and one in processes of their own (local_mp), both with environment_timeout
of 5 s, are stopped by SIGSTOP, as groups, in the midst of a step of two seconds, and go on by
SIGCONT after 12 s. Expected: both go on, and end with status 0.
"""
import os, pathlib, signal, subprocess, sys, tempfile, time
SLOW = '''
import pathlib, runpy, sys, time
runpy.run_path('quinoa_acme/utils/resources.py')['configure_process']('learner')
import quinoa_acme, dm_env, numpy as np
from dm_env import specs
WORKDIR, LAUNCH_TYPE = sys.argv[1:]
del sys.argv[1:]
class Slow(dm_env.Environment):
  def __init__(self, seed):
    self._steps = 0
  def reset(self):
    self._t = 0
    return dm_env.restart(np.zeros(1, np.float32))
  def step(self, action):
    self._t, self._steps = self._t + 1, self._steps + 1
    if self._steps == 150:
      pathlib.Path(WORKDIR, 'inside').touch()
      for _ in range(40):
        time.sleep(0.05)
    make = dm_env.termination if self._t == 20 else dm_env.transition
    return make(np.float32(0), np.full(1, self._t / 20, np.float32))
  def observation_spec(self):
    return specs.Array((1,), np.float32, 'observation')
  def action_spec(self):
    return specs.BoundedArray((1,), np.float32, -1.0, 1.0, 'action')
sys.exit(quinoa_acme.run(quinoa_acme.ExperimentConfig(
  quinoa_acme.QuinoaConfig.debug(), Slow, 'slow', WORKDIR, num_steps=300, eval_every=1000,
  evaluation_episodes=1, environment_timeout=5.0), None if LAUNCH_TYPE == 'none' else LAUNCH_TYPE))
'''
def check(folder, launch_type):
  """Stops and continues a run, and says whether it ended well."""
  workdir, begun = folder / launch_type, time.monotonic()
  (folder / 'slow.py').write_text(SLOW)
  env = {**os.environ, 'PYTHONPATH': os.getcwd(), 'XLA_FLAGS': '--xla_backend_optimization_level=1'}
  process = subprocess.Popen([sys.executable, str(folder / 'slow.py'), str(workdir), launch_type],
    stdout=subprocess.DEVNULL, stderr=open(f'{workdir}.err', 'w'), start_new_session=True, env=env)
  while process.poll() is None and not (workdir / 'inside').exists() and time.monotonic() < begun + 400:
    time.sleep(0.1)
  for number, seconds in ((signal.SIGSTOP, 12), (signal.SIGCONT, 0)):
    if process.poll() is None:
      os.killpg(process.pid, number)
      time.sleep(seconds)
  try:
    process.wait(max(600 - (time.monotonic() - begun), 1))
  except subprocess.TimeoutExpired:
    os.killpg(process.pid, signal.SIGKILL)
  said, ok = pathlib.Path(f'{workdir}.err').read_text().strip(), process.returncode == 0
  print(f'{"ok" if ok else "FAILED"}: {launch_type}: status {process.poll()}, {said[-250:]!r}', flush=True)
  return ok
with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
  sys.exit(not all([check(pathlib.Path(folder), launch_type) for launch_type in ('none', 'local_mp')]))
