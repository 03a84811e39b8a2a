"""What a run is made of: one process or a Launchpad program, and its folder.

`running.py` is what the scripts call. It imports nothing by itself; take what
you need from its modules, or what users need from `quinoa_acme`.
"""
