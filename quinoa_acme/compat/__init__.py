"""What patches other packages, and bridges to versions of this one.

Each says for which version of what it is, and so when it can go.
"""
