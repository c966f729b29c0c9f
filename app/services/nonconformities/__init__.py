"""不合格品审理: recording nonconforming goods, working through what becomes of them, and showing it."""
