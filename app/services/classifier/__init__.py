"""Training and measuring the classifier; reading texts with it is `services/rules/classification.py`."""
