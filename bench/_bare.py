"""A FastAPI application with one endpoint that takes and gives the bodies of an eligibility check, and decides nothing.

`BARE_ANSWER` is the answer it gives. Served by uvicorn beside the service, to compare the two.
"""

import json
import os
from typing import Any

from fastapi import FastAPI

from app.schemas.returns import EligibilityIn, EligibilityOut

app = FastAPI(openapi_url=None)
_answer: dict[str, Any] = json.loads(os.environ.get("BARE_ANSWER", "{}"))


@app.post("/v1/returns/eligibility", response_model_exclude_none=True)
async def answer(_body: EligibilityIn) -> EligibilityOut:
    """Answer the same whatever is asked."""
    return EligibilityOut(**_answer)
