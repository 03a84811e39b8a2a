"""The parts of a run: one process or a Launchpad program, and its folder.

The scripts call `running.py`. This package imports nothing by itself: import
what you need from its modules, or what users need from `quinoa_acme`.
"""
