"""A FastAPI application with one endpoint that reads an eligibility request and answers as much as we do.

`BARE_ANSWER` is the answer it gives. Served by uvicorn beside the service, to compare the two.
"""

import json
import os
from typing import Any

from fastapi import FastAPI

from app.schemas.returns import EligibilityIn

app = FastAPI(openapi_url=None)
_answer: dict[str, Any] = json.loads(os.environ.get("BARE_ANSWER", "{}"))


@app.post("/v1/returns/eligibility")
async def answer(_body: EligibilityIn) -> dict[str, Any]:
    """Answer the same whatever is asked."""
    return _answer
