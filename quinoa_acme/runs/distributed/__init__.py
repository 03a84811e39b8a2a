"""A run as a Launchpad program: its nodes, and how it starts and ends."""
