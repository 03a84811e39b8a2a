"""Each file of examples runs as its docstring says, in a fresh interpreter.

The commands are read from the docstrings; the examples are copied with few environment steps.
Expected: each ends with status 0, or with FileNotFoundError where its command names a run or
data that is not there; and Acme's agents may be imported before quinoa_acme, or after.
"""
import ast, os, pathlib, re, shlex, signal, subprocess, sys, tempfile, time
LATEST = time.monotonic() + 600
ORDERS = {
  'acme before quinoa_acme': 'from acme.agents.jax import sac; import quinoa_acme.agents.quinoa as q; q.QuinoaBuilder',
  'quinoa_acme before acme': 'import quinoa_acme.agents.quinoa as q; q.QuinoaBuilder; from acme.agents.jax import sac',
}

def commands(folder):
  """By what each is called: its arguments to Python."""
  for path in sorted(pathlib.Path('examples').glob('*.py')):
    text = path.read_text()
    command = shlex.split(re.search(r'`python ([^`]+)`', ast.get_docstring(ast.parse(text)))[1])
    assert command[0] == str(path), f'{path}: its docstring runs {command[0]}'
    # Fewer steps, and fewer calls of the learner.
    text = re.sub(r'\b(\d+_000)\)', '30)', text).replace(', 500)', ', 5)')
    copy = folder / path.name
    copy.write_text(text)
    yield path.name, [str(copy), *command[1:]]
  for name, code in ORDERS.items():
    yield name, ['-c', code]

def main(folder):
  waiting, running, results = list(commands(folder)), {}, []
  env = {**os.environ, 'PYTHONPATH': os.getcwd(), 'XLA_FLAGS': '--xla_backend_optimization_level=1'}
  while waiting or running:
    while waiting and len(running) < 3:
      name, command = waiting.pop(0)
      errors = open(folder / f'{name}.err', 'w')
      running[name] = subprocess.Popen([sys.executable, *command], env=env, cwd=folder,
        stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True)
    time.sleep(0.2)
    late = time.monotonic() > LATEST
    for name, process in list(running.items()):
      if process.poll() is None and not late:
        continue
      if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
      del running[name]
      last = ((folder / f'{name}.err').read_text().strip().splitlines() or ['no word'])[-1]
      ok = process.poll() == 0 or 'FileNotFoundError' in last
      results.append(ok)
      print(f'{"ok" if ok else "FAILED"}: {name}: {"late" if late else process.returncode}, {last[:200]}', flush=True)
    if late:
      waiting.clear()
  return all(results)

with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
  sys.exit(not main(pathlib.Path(folder)))
