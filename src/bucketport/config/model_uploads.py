"""What can be set of uploads for apps? The section `[uploads]`, which is off until it has a key."""

from typing import Literal

from pydantic import Field

from bucketport.config.fields import SecretText, SecretTexts, Section, Texts
from bucketport.config.keys import MAIN_USER


class UploadKey(Section):
    """A key with which an app server asks for URLs and upload sessions (`Authorization: Bearer KEY`)."""

    name: str = Field(min_length=1, max_length=128, description="What it is called in the log.")
    key: SecretText = Field(description="The key itself; `${VARIABLE}` and `file:PATH` are looked up.")
    buckets: Texts = Field(default=["*"], description="Buckets that it may ask for; `*` is every bucket.")


class Webhooks(Section):
    """Who is told that an upload session was committed, and by which rules."""

    secret: SecretText | None = Field(
        default=None,
        description="What deliveries are signed with; none: derived, `bucketport events secret` prints it.",
    )
    allow_http: bool = Field(default=False, description="Whether a target may be http, without TLS.")
    allow_networks: Texts = Field(
        default=[], description="Private addresses or networks that a target may be in; none: public ones only."
    )
    seconds: float = Field(default=10, gt=0, description="How long a target may take to answer.")
    tries: int = Field(default=12, ge=1, description="How often a delivery is tried before it is given up.")
    keep_seconds: int = Field(
        default=7 * 86_400, ge=0, description="How long a delivery that is done or given up can be listed."
    )


class Uploads(Section):
    """Presigned URLs and upload sessions for apps; see docs/uploads.md. Off until a key is set."""

    hmac_secrets: SecretTexts = Field(
        default=[], description="What URLs are signed with: the first signs, all are taken. None: one is made and kept."
    )
    user: str = Field(
        default=MAIN_USER, min_length=1, description="Who owns what is uploaded, and the buckets made so."
    )
    public_url: str = Field(default="", description="The URL that minted URLs begin with; empty: as the request came.")
    orphan_seconds: int = Field(
        default=43_200,
        ge=1,
        description="How long an upload in chunks may take from its first one; what is not finished then goes.",
    )
    max_bytes: int = Field(default=4 << 30, ge=1, description="Most bytes of one request's content.")
    max_json_bytes: int = Field(default=100 << 10, ge=1, description="Most bytes of a call's JSON.")
    json_seconds: float = Field(default=30, gt=0, description="How long a call's JSON may take to arrive, in all.")
    max_session_seconds: int = Field(default=7 * 86_400, ge=1, description="The longest life of an upload session.")
    dedup: bool = Field(
        default=True,
        description="Whether buckets that are uploaded to keep equal content once (in the embedded store).",
    )
    direct: bool = Field(
        default=False, description="Whether sessions' parts go straight to a bucket's cloud where it can take them."
    )
    verify_direct: Literal["refuse", "after"] = Field(
        default="refuse", description="A direct session that names a sha256: refused, or verified after its commit."
    )
    cors_origins: Texts = Field(default=["*"], description="Origins of pages that may use it; `*` is any.")
    keys: list[UploadKey] = Field(default=[], description="Keys of app servers.")
    webhooks: Webhooks = Webhooks()
