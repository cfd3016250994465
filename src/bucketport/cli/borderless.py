"""Which flags of borderless-storage does `serve` take? All, under their own names; what each sets is in the
configuration's table.
"""

from typing import Annotated

import typer

Address = Annotated[str | None, typer.Option("--ip-addr", metavar="ADDRESS:PORT", help="The same as --listen.")]
Folder = Annotated[str | None, typer.Option("--data-dir", metavar="DIR", help="The same as --data.")]
ApiKey = Annotated[
    str | None,
    typer.Option("--presign-api-key", metavar="KEY", help="The API key of uploads for apps; it switches them on."),
]
HmacSecret = Annotated[
    str | None,
    typer.Option(
        "--presign-hmac-secret",
        metavar="SECRET,...",
        help="What upload URLs are signed with: the first signs, all work.",
    ),
]
CorsOrigins = Annotated[
    str | None,
    typer.Option("--cors-origins", metavar="ORIGIN,...", help="Origins whose pages may upload. Default: any."),
]
OrphanSeconds = Annotated[
    str | None,
    typer.Option("--ttl-orphan-secs", metavar="N", help="How long unfinished uploads are kept. Default: 43200."),
]
MaxBytes = Annotated[
    str | None,
    typer.Option("--max-data-rq-size", metavar="BYTES", help="Most bytes of an upload or a chunk. Default: 4 GiB."),
]
MaxJsonBytes = Annotated[
    str | None,
    typer.Option("--max-presign-rq-size", metavar="BYTES", help="Most bytes of a call's JSON. Default: 100 KiB."),
]
Timeout = Annotated[
    str | None,
    typer.Option(
        "--rq-timeout-secs", metavar="N", help="Most seconds without a byte, and of a JSON call in all. Default: 30."
    ),
]

NAMES = (
    "ip_addr", "data_dir", "domain", "presign_api_key", "presign_hmac_secret", "cors_origins", "ttl_orphan_secs",
    "max_data_rq_size", "max_presign_rq_size", "rq_timeout_secs",
)  # fmt: skip
"""The names of its settings, in the order in which `serve` has them."""
