"""Conditional flows over a box: a file each, and what they share.

`quinoa_acme.networks` exports them.
"""
