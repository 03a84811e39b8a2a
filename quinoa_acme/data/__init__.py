"""Transitions: their form, their layout in replay, and their adders."""
