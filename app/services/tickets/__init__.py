"""工单: taking a ticket, working it through, changing it, reading it."""
