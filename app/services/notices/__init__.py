"""Notices to staff: told in the transaction of what happened, sent by a worker afterwards."""
