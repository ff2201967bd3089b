"""What is read from and written into documents of others: it runs in worker processes (workers.py)."""
