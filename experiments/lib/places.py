"""Where in the repository the scripts read, and write if they are told to."""

import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / 'experiments'
RESULTS = SCRIPTS / 'results'
SWEEPS = SCRIPTS / 'sweeps'
DOCS = ROOT / 'docs'
IMAGES = DOCS / 'images'
