"""The speed of this library beside its peers; see docs/speed.md."""
