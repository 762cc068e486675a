"""One file for each way a desktop lets us listen, look and speak; `select` chooses."""
