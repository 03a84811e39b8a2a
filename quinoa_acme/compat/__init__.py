"""Patches of other packages, and old names of this one.

Each says for which version it is, and so when it can be removed.
"""
