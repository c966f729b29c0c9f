"""Satisfaction: invitations, answers, follow-ups, and what they add up to."""
