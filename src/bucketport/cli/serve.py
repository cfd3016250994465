"""`bucketport serve`: which options has the server?"""

from typing import Annotated

import typer

from bucketport.cli import borderless
from bucketport.cli.asking import Config, Data, ask

Listen = Annotated[str | None, typer.Option(metavar="ADDRESS:PORT", help="Where to listen. Default: 127.0.0.1:9000.")]
MadeBuckets = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="A bucket to make when it is absent. Repeatable.")
]
PublicBuckets = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="A bucket that anybody may read and list; made when absent. Repeatable."),
]
Users = Annotated[
    list[str] | None, typer.Option(metavar="NAME:ACCESS:SECRET", help="A further user, with a key. Repeatable.")
]
Domains = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="Take BUCKET.NAME as a bucket's host. Repeatable. A URL: minted ones begin so."),
]
Region = Annotated[
    str | None, typer.Option(metavar="NAME", help="The region that clients must sign for. Default: any.")
]
Certificate = Annotated[str | None, typer.Option(metavar="FILE", help="PEM certificate chain; read again on SIGHUP.")]
PrivateKey = Annotated[str | None, typer.Option(metavar="FILE", help="PEM private key of the certificate.")]
LogFormat = Annotated[str | None, typer.Option(metavar="text|json", help="How log lines look.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Tell more.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one line of JSON when it is ready: url, data folder, keys.")
]


def serve(
    *,
    config: Config = None,
    data: Data = None,
    listen: Listen = None,
    bucket: MadeBuckets = None,
    public: PublicBuckets = None,
    user: Users = None,
    domain: Domains = None,
    region: Region = None,
    tls_cert: Certificate = None,
    tls_key: PrivateKey = None,
    log_format: LogFormat = None,
    verbose: Verbose = False,
    as_json: AsJson = False,
    address: borderless.Address = None,
    folder: borderless.Folder = None,
    api_key: borderless.ApiKey = None,
    hmac_secret: borderless.HmacSecret = None,
    cors_origins: borderless.CorsOrigins = None,
    orphan_seconds: borderless.OrphanSeconds = None,
    max_bytes: borderless.MaxBytes = None,
    max_json_bytes: borderless.MaxJsonBytes = None,
    idle: borderless.Timeout = None,
) -> None:
    """Serve S3 until it is told to stop (Ctrl-C, SIGTERM). No option is needed.

    Keys come from BUCKETPORT_ACCESS_KEY and BUCKETPORT_SECRET_KEY, else MINIO_ROOT_USER and MINIO_ROOT_PASSWORD, else
    AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; else a pair is made at the first start, kept in the data folder, and
    printed once.
    """
    from bucketport.cli.running import serve_until_stopped

    flags = {
        "server.data data": data,
        "server.listen listen": listen,
        "store.buckets bucket": bucket,
        "store.public public": public,
        "server.domains domain": [name for name in domain or () if "://" not in name],
        "server.region region": region,
        "server.tls_cert tls-cert": tls_cert,
        "server.tls_key tls-key": tls_key,
        "server.log_format log-format": log_format,
        "server.verbose verbose": verbose or None,
    }
    url = next((name for name in domain or () if "://" in name), None)
    said = (address, folder, url, api_key, hmac_secret, cors_origins, orphan_seconds, max_bytes, max_json_bytes, idle)
    theirs = dict(zip(borderless.NAMES, said, strict=True))
    serve_until_stopped(ask(config, flags, user or (), theirs), as_json=as_json)
