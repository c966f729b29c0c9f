"""A service of real processes under load while they are killed, frozen and cut off: does it keep its promises?"""
