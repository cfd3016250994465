"""How much may one client ask of the server? Sizes, counts and times that bound what a stranger can make it hold.

They are the section `[limits]` of the configuration. Sizes are bytes, times are seconds, and every default is what the
server ships with.
"""

from pydantic import BaseModel, ConfigDict, Field


class Limits(BaseModel):
    """The bounds of the HTTP server. Each is enforced by `runtimes.server` before the core sees a request."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    request_line_bytes: int = Field(
        default=16 << 10, ge=64, description="Longest request line: method, target and version."
    )
    header_bytes: int = Field(default=64 << 10, ge=64, description="Largest block of header fields.")
    header_fields: int = Field(default=100, ge=1, description="Most header fields in a request.")
    query_pairs: int = Field(default=1000, ge=1, description="Most parameters in a query.")
    header_seconds: float = Field(
        default=15, gt=0, description="How long a client may take to send a request's head, and to shake hands in TLS."
    )
    body_idle_seconds: float = Field(
        default=30, gt=0, description="How long a client may be silent in the middle of a body that is wanted."
    )
    write_idle_seconds: float = Field(
        default=30, gt=0, description="How long a client may take not one byte of its answer."
    )
    keepalive_seconds: float = Field(default=75, gt=0, description="How long an idle connection is kept.")
    connections: int = Field(
        default=4096, ge=1, description="Most open connections; one more is answered 503 SlowDown."
    )
    in_flight: int = Field(
        default=1024, ge=1, description="Most requests at work at once; one more is answered 503 SlowDown."
    )
    drain_seconds: float = Field(
        default=30, ge=0, description="How long running requests may take to finish when the server stops."
    )
