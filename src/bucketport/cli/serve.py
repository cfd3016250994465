"""`bucketport serve`: which options has the server?"""

from typing import Annotated

import typer

from bucketport.cli import borderless
from bucketport.cli.asking import Config, Data, ask


def serve(
    *,
    config: Config = None,
    data: Data = None,
    listen: Annotated[
        str | None, typer.Option(metavar="ADDRESS:PORT", help="Where to listen. Default: 127.0.0.1:9000.")
    ] = None,
    bucket: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A bucket to make when it is absent. Repeatable.")
    ] = None,
    public: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A bucket that anybody may read and list; made when absent. Repeatable."),
    ] = None,
    user: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME:ACCESS:SECRET", help="A further user, with a key. Repeatable."),
    ] = None,
    domain: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Take BUCKET.NAME as a bucket's host. Repeatable. A URL: what minted URLs begin with."
        ),
    ] = None,
    region: Annotated[
        str | None, typer.Option(metavar="NAME", help="The region that clients must sign for. Default: any.")
    ] = None,
    tls_cert: Annotated[
        str | None, typer.Option(metavar="FILE", help="PEM certificate chain; read again on SIGHUP.")
    ] = None,
    tls_key: Annotated[str | None, typer.Option(metavar="FILE", help="PEM private key of the certificate.")] = None,
    log_format: Annotated[str | None, typer.Option(metavar="text|json", help="How log lines look.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Tell more.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON when it is ready: url, data folder, keys.")
    ] = False,
    ip_addr: borderless.IpAddr = None,
    data_dir: borderless.DataDir = None,
    presign_api_key: borderless.ApiKey = None,
    presign_hmac_secret: borderless.HmacSecret = None,
    cors_origins: borderless.CorsOrigins = None,
    ttl_orphan_secs: borderless.OrphanSeconds = None,
    max_data_rq_size: borderless.MaxBytes = None,
    max_presign_rq_size: borderless.MaxJsonBytes = None,
    rq_timeout_secs: borderless.Timeout = None,
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
    theirs = {
        "domain": next((url for url in domain or () if "://" in url), None),
        "ip_addr": ip_addr,
        "data_dir": data_dir,
        "presign_api_key": presign_api_key,
        "presign_hmac_secret": presign_hmac_secret,
        "cors_origins": cors_origins,
        "ttl_orphan_secs": ttl_orphan_secs,
        "max_data_rq_size": max_data_rq_size,
        "max_presign_rq_size": max_presign_rq_size,
        "rq_timeout_secs": rq_timeout_secs,
    }
    serve_until_stopped(ask(config, flags, user or (), theirs), as_json=as_json)
