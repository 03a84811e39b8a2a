"""The tables and the picture that the documents on results show."""
