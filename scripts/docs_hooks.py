"""Hooks of the documentation's build."""

import pathlib


def on_config(config):
  """Lists the decision records under their section, by number."""
  docs = pathlib.Path(config.docs_dir)
  folder = docs / 'decisions'
  records = [folder / 'README.md', *sorted(folder.glob('[0-9]*.md'))]
  for section in config.nav:
    if 'Decisions' in section:
      section['Decisions'] = [str(path.relative_to(docs)) for path in records]
  return config
