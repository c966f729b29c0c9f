"""Webhooks: endpoints, the deliveries of events to them, and how a worker makes and sends those."""
