"""FastAPI's own spans, and one of the app's own in each dependency, as JSON lines in the file
that TRACED_SPANS names."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from pydantic import BaseModel


class Lines(SpanExporter):
    """Written when the server shuts down: a write for each span would be a part of the spans."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        for span in spans:
            assert span.context is not None
            line = {
                "trace": span.context.trace_id,
                "name": span.name,
                "function": (span.attributes or {}).get("code.function.name"),
                "start_ns": span.start_time,
                "end_ns": span.end_time,
            }
            self._lines.append(json.dumps(line) + "\n")
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        with Path(os.environ["TRACED_SPANS"]).open("a") as file:
            file.writelines(self._lines)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield
    provider.shutdown()


provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(Lines()))
tracer = provider.get_tracer("traced")
app = FastAPI(
    telemetry={"tracer_provider": provider, "metrics": False, "logs": False}, lifespan=lifespan
)


@contextmanager
def span(name: str):
    with tracer.start_as_current_span(name):
        yield


class Answer(BaseModel):
    value: int


async def first() -> int:
    with span("first"):
        await asyncio.sleep(0.01)
    return 1


async def second(one: Annotated[int, Depends(first)]) -> AsyncIterator[int]:
    with span("second"):
        await asyncio.sleep(0.02)
    yield one


async def third() -> int:
    with span("third"):
        await asyncio.sleep(0.005)
    return 3


Second, Third = Annotated[int, Depends(second)], Annotated[int, Depends(third)]


@app.get("/awaited")
async def awaited(two: Second, three: Third) -> Answer:
    await asyncio.sleep(0.03)
    return Answer(value=two + three)


@app.get("/threaded")
def threaded(two: Second) -> Answer:
    with span("threaded"):
        return Answer(value=sum(range(100_000)) + two)
