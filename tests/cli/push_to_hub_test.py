"""`quinoa push-to-hub` shares a policy, here with a server of the tests."""

import fake_hub
import pytest

pytest.importorskip('huggingface_hub')


@pytest.mark.slow
def test_it_uploads_policy_card_and_video(trained, quinoa, monkeypatch):
  video = quinoa.cwd / 'out.mp4'
  video.write_bytes(b'a film')
  push = ('push-to-hub', str(trained), '--repo=walker')
  with fake_hub.serving() as hub:
    monkeypatch.setenv('HF_ENDPOINT', hub.address)
    monkeypatch.setenv('HF_HOME', str(quinoa.cwd / 'cache'))
    monkeypatch.setenv('HF_TOKEN', 'hf_test')
    result = quinoa(*push, '--private', f'--video={video}')
    assert result.returncode == 0, result.stderr
    assert "load_policy('hf://me/walker')" in result.stdout
    assert hub.private == {'me/walker'}
    files = dict(hub.repos['me/walker'])
    # Again, without the video: the same policy in the place of the first.
    result = quinoa(*push)
    assert result.returncode == 0, result.stderr
    monkeypatch.setenv('HF_TOKEN', 'hf_wrong')
    refused = quinoa(*push)
  assert files.pop('replay.mp4') == b'a film'
  names = {*hub.repos['me/walker']} - {'.gitattributes'}
  assert names == {*files} - {'.gitattributes'}
  assert {'README.md', 'config.json', 'spec.json'} < names
  assert b'quinoa train --agent=' in files['README.md']
  assert refused.returncode == 1
  assert 'error: walker: ' in refused.stderr
  assert 'Traceback' not in refused.stderr
