"""A server on this machine in the place of the Hugging Face Hub.

It has what `huggingface_hub` asks for to make a repository, to upload to it and
to download from it, and keeps files in memory.
"""

import base64
from collections.abc import Iterator
import contextlib
import hashlib
from http import server
import json
import re
import threading
from urllib import parse


class Hub:
  """The repositories of a fake hub.

  Attributes:
    address: for `HF_ENDPOINT`.
    repos: the files of each repository.
    private: the private ones.
  """

  def __init__(self):
    self.address = ''
    self.repos: dict[str, dict[str, bytes]] = {}
    self.private: set[str] = set()

  def commit_of(self, repo: str) -> str:
    files = sorted(self.repos[repo].items())
    return hashlib.sha1(repr(files).encode()).hexdigest()


class _Handler(server.BaseHTTPRequestHandler):
  """Answers for the hub of its server."""

  protocol_version = 'HTTP/1.1'

  @property
  def _hub(self) -> Hub:
    return self.server.hub  # pyright: ignore[reportAttributeAccessIssue]

  def log_message(self, format, *args):
    pass

  def _answer(self, plain=None, status=200, content=None, headers=()):
    body = json.dumps(plain).encode() if content is None else content
    self.send_response(status)
    for name, value in headers:
      self.send_header(name, value)
    self.send_header('Content-Length', str(len(body)))
    self.end_headers()
    if self.command != 'HEAD':
      self.wfile.write(body)

  def _body(self) -> bytes:
    return self.rfile.read(int(self.headers.get('Content-Length') or 0))

  def do_POST(self):
    path = parse.unquote(self.path.partition('?')[0])
    body = self._body()
    if self.headers.get('Authorization') != 'Bearer hf_test':
      self._answer({'error': 'Invalid token'}, 401)
    elif path == '/api/validate-yaml':
      self._answer({'errors': [], 'warnings': []})
    elif path == '/api/repos/create':
      asked = json.loads(body)
      name = f'{asked.get("organization") or "me"}/{asked["name"]}'
      self._hub.repos.setdefault(name, {})
      # The second is how huggingface_hub says so from version 2 on.
      if asked.get('private') or asked.get('visibility') == 'private':
        self._hub.private.add(name)
      self._answer({'url': f'{self._hub.address}/{name}', 'id': name})
    elif match := re.fullmatch(r'/api/models/(.+)/preupload/main', path):
      files = [
        {'path': x['path'], 'uploadMode': 'regular', 'shouldIgnore': False}
        for x in json.loads(body)['files']
      ]
      self._answer({'files': files})
    elif match := re.fullmatch(r'/api/models/(.+)/commit/main', path):
      self._commit(match[1], body)
    else:
      self._answer({'error': f'no {path}'}, 404)

  def _commit(self, repo: str, body: bytes) -> None:
    files = self._hub.repos[repo]
    for line in body.splitlines():
      item = json.loads(line)
      value = item['value']
      if item['key'] == 'file':
        files[value['path']] = base64.b64decode(value['content'])
      elif item['key'] == 'deletedFile':
        del files[value['path']]
    commit = self._hub.commit_of(repo)
    url = f'{self._hub.address}/{repo}/commit/{commit}'
    self._answer({'commitUrl': url, 'commitOid': commit, 'success': True})

  def do_HEAD(self):
    self.do_GET()

  def do_GET(self):
    path = parse.unquote(self.path.partition('?')[0])
    for repo, files in self._hub.repos.items():
      commit = self._hub.commit_of(repo)
      siblings = [{'rfilename': name} for name in files]
      if re.fullmatch(rf'/api/models/{repo}(/revision/(main|\w+))?', path):
        self._answer({'id': repo, 'sha': commit, 'siblings': siblings})
        return
      if path.startswith(f'/api/models/{repo}/tree/'):
        self._answer(
          [
            {
              'type': 'file',
              'path': name,
              'size': len(content),
              'oid': hashlib.sha1(content).hexdigest(),
            }
            for name, content in files.items()
          ]
        )
        return
      match = re.fullmatch(rf'/{repo}/resolve/[^/]+/(.+)', path)
      if match and match[1] in files:
        content = files[match[1]]
        etag = hashlib.sha1(content).hexdigest()
        headers = [('ETag', f'"{etag}"'), ('X-Repo-Commit', commit)]
        self._answer(content=content, headers=headers)
        return
    missing = [('X-Error-Code', 'RepoNotFound')]
    self._answer({'error': 'Repository not found'}, 404, headers=missing)


@contextlib.contextmanager
def serving() -> Iterator[Hub]:
  """Runs a hub during the block."""
  hub = Hub()
  http = server.ThreadingHTTPServer(('127.0.0.1', 0), _Handler)
  http.daemon_threads = True
  http.hub = hub  # pyright: ignore[reportAttributeAccessIssue]
  hub.address = f'http://127.0.0.1:{http.server_address[1]}'
  thread = threading.Thread(target=http.serve_forever, daemon=True)
  thread.start()
  try:
    yield hub
  finally:
    http.shutdown()
    thread.join()
    http.server_close()
