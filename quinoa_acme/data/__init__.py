"""Transitions: what they are, how they lie in replay, who adds them."""
