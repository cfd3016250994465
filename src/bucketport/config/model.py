"""What can be set? Every setting with its default and its help; the documentation's page is made from these fields.

The file's sections are classes, its keys are fields. `listen` of `[server]` is `BUCKETPORT_SERVER__LISTEN` in the
environment. Sizes are bytes and times are seconds unless a name says otherwise. What one field alone cannot tell
(a name used twice, a file that is missing) is in `config.rules`.
"""

from typing import Literal

from pydantic import Field

from bucketport.config.fields import Moment, Options, SecretText, Section, Texts
from bucketport.config.limits import Limits
from bucketport.config.model_uploads import Uploads
from bucketport.options import MAX_OBJECT
from bucketport.wire.cors import Rule


class Server(Section):
    """How clients reach the server, and where it keeps what it must remember."""

    listen: str = Field(default="127.0.0.1:9000", description="Address and port to listen on; port 0 takes a free one.")
    data: str = Field(
        default="bucketport-data", description="The data folder: the store, and the server's own small state."
    )
    domains: Texts = Field(
        default=[], description="Domains under which a host may name a bucket: bucket.DOMAIN. Path style works always."
    )
    region: str = Field(
        default="", description="The region that signatures must be made for; empty: any. New buckets are in it."
    )
    tls_cert: str = Field(default="", description="PEM file of the certificate chain, the server's own first.")
    tls_key: str = Field(default="", description="PEM file of the certificate's private key.")
    log_format: Literal["text", "json"] = Field(default="text", description="How log lines look.")
    access_log: bool = Field(default=True, description="Whether each request gets a line in the log.")
    verbose: bool = Field(default=False, description="Whether the log tells what it did for itself, too.")
    public_urls: Texts = Field(
        default=[], description="URLs under which clients reach this server when a reverse proxy stands before it."
    )
    trusted_proxies: Texts = Field(
        default=[], description="Addresses or networks whose X-Forwarded-Host, -Proto and -Prefix are believed."
    )


class Store(Section):
    """The embedded store, in the data folder. It serves when this section is there, or when no bucket is configured."""

    buckets: Texts = Field(default=[], description="Buckets made at start when they are absent.")
    public: Texts = Field(default=[], description="Buckets that anybody may read and list; made when absent.")
    inline_bytes: int = Field(
        default=32 << 10, ge=0, le=1 << 20, description="Content up to this size lies in the index, not in a file."
    )
    verify_reads: bool = Field(
        default=False, description="Whether content is compared with its checksum each time before it is sent."
    )
    dedup: bool = Field(
        default=False, description="Whether every bucket keeps equal content once; else those that apps upload to."
    )


class Paths(Section):
    """How a path names a bucket, when buckets are known by several path segments."""

    bucket_segments: int = Field(default=1, ge=1, le=16, description="Leading path segments that form the bucket.")
    bucket_separator: str = Field(default=":", min_length=1, description="What joins them into the bucket's name.")
    display_bucket_segments: int = Field(
        default=1, ge=1, le=16, description="How many of them answers show as the bucket's name."
    )


class Cors(Section):
    """What pages of other origins may do in a browser."""

    allowed_origins: Texts = Field(default=[], description="Origins, or `*`; a `*` within one matches any text.")
    allowed_methods: Texts = Field(default=["GET", "HEAD", "PUT", "POST", "DELETE"], description="Methods.")
    allowed_headers: Texts = Field(default=["*"], description="Request headers that a page may send.")
    exposed_headers: Texts = Field(
        default=[
            "ETag", "Content-Range", "Content-Length", "Accept-Ranges", "Content-Encoding", "Last-Modified",
            "x-amz-request-id", "x-amz-version-id",
        ],
        description="Answer headers that a page may read.",
    )  # fmt: skip
    max_age_seconds: int = Field(default=3600, ge=0, description="How long a browser may remember the answer.")

    def rule(self) -> Rule:
        """As what a page's request is compared with."""
        return Rule(
            tuple(self.allowed_origins),
            tuple(self.allowed_methods),
            tuple(self.allowed_headers),
            tuple(self.exposed_headers),
            self.max_age_seconds,
        )


class Scope(Section):
    """What a key or a role may do."""

    bucket: str = Field(description="A bucket, `*` for all; in a role with `{claim}` in it.")
    prefixes: list[str] = Field(default=[], description="Key prefixes; none: the whole bucket.")
    actions: list[str] = Field(description="What may be done there, such as get_object; see the table of actions.")


class Bucket(Section):
    """A bucket that leads to a backend."""

    name: str = Field(description="The name that clients use.")
    backend_type: str = Field(description="s3, az, gcs, local (the embedded store), memory, or what a package brings.")
    backend_prefix: str = Field(default="", description="Put before every key there, and taken off every answer.")
    anonymous_access: bool = Field(default=False, description="Whether anybody may read and list, without a key.")
    allowed_roles: list[str] = Field(default=[], description="Roles whose sessions may use it.")
    cors: list[Cors] = Field(default=[], description="What holds here instead of the section cors; the first fits.")
    backend_options: Options = Field(default={}, description="Where it is and with which keys; by kind of backend.")


class BackendUser(Section):
    """With which keys a user's requests go to the default backend."""

    principal_name: str = Field(description="The user, as a credential names it.")
    backend_options: Options = Field(description="What differs from the default backend's own options.")


class DefaultBackend(Section):
    """Where every bucket leads that is not configured: an account, under the buckets' own names."""

    backend_type: str = Field(description="s3, az, gcs, local (the embedded store), memory, or what a package brings.")
    anonymous_access: bool = Field(default=False, description="Whether anybody may read and list, without a key.")
    backend_options: Options = Field(default={}, description="As a bucket's, without bucket_name.")
    users: list[BackendUser] = Field(default=[], description="Users with keys of their own there.")


class Credential(Section):
    """An access key."""

    access_key_id: str = Field(min_length=1, max_length=128, description="The key's name.")
    secret_access_key: SecretText = Field(description="Its secret; `${VARIABLE}` and `file:PATH` are looked up.")
    principal_name: str = Field(min_length=1, description="The user: who owns buckets, and who is named in the log.")
    created_at: Moment | None = Field(default=None, description="When it was made; for people.")
    expires_at: Moment | None = Field(default=None, description="When it ceases to work.")
    enabled: bool = Field(default=True, description="Whether it works at all.")
    unrestricted: bool = Field(
        default=False, description="Whether it may do anything but use other users' buckets; else scopes say."
    )
    allowed_scopes: list[Scope] = Field(default=[], description="What it may do; nothing beyond.")


class Role(Section):
    """A role that a token of an identity provider can be exchanged for."""

    role_id: str = Field(min_length=1, description="What a client gives as RoleArn.")
    name: str = Field(default="", description="For people.")
    trusted_oidc_issuers: list[str] = Field(min_length=1, description="Issuers whose tokens are taken.")
    required_audiences: Texts = Field(default=[], description="Audiences of which a token must have one; none: any.")
    required_audience: str = Field(default="", description="The older name for a single one.")
    subject_conditions: list[str] = Field(default=[], description="Patterns with `*`, one of which sub must match.")
    max_session_duration_secs: int = Field(default=3600, ge=1, description="The longest session.")
    allowed_scopes: list[Scope] = Field(default=[], description="What a session may do.")


class Extension(Section):
    """Something that another package brings; see docs/extending."""

    kind: Literal["credentials", "buckets", "methods"] = Field(
        description="A registry of keys, a registry of buckets, or a way to authenticate."
    )
    name: str = Field(description="The name of its entry point in the group bucketport.KIND.")
    options: Options = Field(default={}, description="What it is told; `${VARIABLE}` and `file:PATH` are looked up.")


class Settings(Section):
    """The whole file."""

    owner_id: str = Field(default="", description="The owner's id in ListBuckets; empty: each caller's own.")
    owner_display_name: str = Field(default="", description="The owner's name there.")
    max_upload_bytes: int = Field(default=MAX_OBJECT, ge=0, description="Most bytes of one PUT or one part.")
    server: Server = Server()
    store: Store | None = None
    limits: Limits = Limits()
    paths: Paths = Paths()
    cors: Cors = Cors()
    buckets: list[Bucket] = Field(default=[], description="Buckets that lead to backends.")
    default_backend: DefaultBackend | None = Field(default=None, description="Where all other names lead.")
    credentials: list[Credential] = Field(default=[], description="Access keys.")
    extensions: list[Extension] = Field(default=[], description="What other packages bring, in the order of its use.")
    uploads: Uploads = Uploads()
    roles: list[Role] = Field(default=[], description="Roles; tokens are not exchanged for sessions yet.")

    @property
    def has_store(self) -> bool:
        """Whether the embedded store serves: when it is asked for, or when nothing else is configured."""
        return self.store is not None or not (self.buckets or self.default_backend)

    @property
    def store_settings(self) -> Store:
        """The store's settings, its defaults where the section is not there."""
        return self.store or Store()
