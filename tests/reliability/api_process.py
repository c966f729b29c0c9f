"""What uvicorn loads in an API process of these tests: the application, bound to the life of the test run."""

import os
import threading

from fastapi import FastAPI

from app.main import create_app


def create() -> FastAPI:
    """Build the application from the environment. The process ends when its standard input does."""
    threading.Thread(target=_end_with_test_run, name="test-run-watch", daemon=True).start()
    return create_app()


def _end_with_test_run() -> None:
    # A test run that is itself killed runs no clean-up, and must leave no server behind.
    while os.read(0, 1):
        pass
    os._exit(1)
