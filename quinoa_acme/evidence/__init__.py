"""What comes of runs: suites, tables, statistics, and the paper's figures.

It imports nothing by itself; take what you need from its modules.
"""
