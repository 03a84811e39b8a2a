"""What the rows start as processes of their own."""
