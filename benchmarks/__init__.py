"""Measurements that print a table and assert nothing; nothing else imports them."""
