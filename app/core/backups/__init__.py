"""Backups of a PostgreSQL server and of the files beside it: sealed, checked, and restored to any moment."""
