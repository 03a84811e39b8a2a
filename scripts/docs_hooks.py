"""Hooks of the documentation's build."""

import pathlib


def on_config(config):
  """Lists the decision records under their section, by number."""
  docs = pathlib.Path(config.docs_dir)
  records = sorted((docs / 'decisions').glob('*.md'))
  for section in config.nav:
    if 'Decisions' in section:
      section['Decisions'] = [str(path.relative_to(docs)) for path in records]
  return config
