"""What the scripts do, once they have read their flags; not in the wheel."""
