"""Files that documents are written to and read from."""
