"""Files that people send: what they are by their content, and the same without what they tell beside it."""
