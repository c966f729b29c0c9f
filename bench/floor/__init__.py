"""What a request costs with nothing of ours in it: FastAPI, the same bodies, the same rows by asyncpg."""
