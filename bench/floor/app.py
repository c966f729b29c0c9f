"""A FastAPI application with the service's paths that decides nothing, served as the service is.

It takes the same bodies. `FLOOR_ANSWERS` (JSON, by path) are the answers it gives where nothing is stored; with
`DATABASE_URL` it takes, reads and lists tickets through asyncpg: see `bench.floor.rows`.
"""

import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import uvicorn
from fastapi import FastAPI, Response
from pydantic_core import from_json, to_json

from app.schemas.complaints import ClassifyIn, ClassifyOut
from app.schemas.returns import EligibilityIn, EligibilityOut
from app.schemas.tickets import TicketIn
from bench.floor.rows import LIST, READ, Intake

CONNECTIONS = 16  # as many as the service's pool holds
_ELIGIBILITY, _CLASSIFY, _TICKETS = "/v1/returns/eligibility", "/v1/complaints/classify", "/v1/tickets"
_answers: dict[str, Any] = json.loads(os.environ.get("FLOOR_ANSWERS", "{}"))


async def _with_json(connection: asyncpg.Connection) -> None:
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(kind, schema="pg_catalog", encoder=str, decoder=from_json)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    url = os.environ.get("DATABASE_URL")
    if url is None:
        yield
        return
    app.state.intake = await Intake.prepared(url)
    async with asyncpg.create_pool(url, min_size=CONNECTIONS, max_size=CONNECTIONS, init=_with_json) as pool:
        app.state.pool = pool
        yield


app = FastAPI(openapi_url=None, lifespan=_lifespan)


@app.post(_ELIGIBILITY, response_model_exclude_none=True)
async def check_eligibility(_body: EligibilityIn) -> EligibilityOut:
    return EligibilityOut(**_answers[_ELIGIBILITY])


@app.post(_CLASSIFY)
async def classify(_body: ClassifyIn) -> ClassifyOut:
    return ClassifyOut(**_answers[_CLASSIFY])


@app.post(_TICKETS, status_code=201)
async def create_ticket(body: TicketIn) -> dict[str, str]:
    intake: Intake = app.state.intake
    async with app.state.pool.acquire() as connection:
        number = await connection.fetchval(intake.statement, *intake.values(body.external_ref))
    return {"number": number}


@app.get(_TICKETS)
async def list_tickets(limit: int) -> Response:
    async with app.state.pool.acquire() as connection:
        rows = await connection.fetch(LIST, app.state.intake.line, limit + 1)
    return _json([dict(row) for row in rows[:limit]])


@app.get(_TICKETS + "/{ticket}")
async def get_ticket(ticket: str) -> Response:
    async with app.state.pool.acquire() as connection:
        row = await connection.fetchrow(READ, ticket)
    return _json(dict(row))


def _json(value: Any) -> Response:
    # Hashes and what is sealed are no text.
    return Response(to_json(value, bytes_mode="base64"), media_type="application/json")


if __name__ == "__main__":
    uvicorn.run(
        app, port=int(sys.argv[1]), loop="uvloop", http="httptools", ws="none", lifespan="on", log_config=None,
        access_log=False, server_header=False, proxy_headers=False,
    )  # fmt: skip
