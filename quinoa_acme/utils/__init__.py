"""What every part needs, and that knows of none of them."""
