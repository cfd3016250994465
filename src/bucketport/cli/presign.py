"""`bucketport presign`: by which URL may somebody without a key do one thing for a while?"""

import re
import time
from typing import Annotated

import typer

from bucketport.cli import presence
from bucketport.cli.asking import AsJson, Config, Data, ask
from bucketport.cli.output import print_json
from bucketport.config.trouble import UsageError

METHODS = ("GET", "PUT", "HEAD", "DELETE", "POST")

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def presign(
    words: Annotated[
        list[str], typer.Argument(metavar="[METHOD] s3://BUCKET/KEY", help="What may be done; GET when not said.")
    ],
    *,
    expires: Annotated[str, typer.Option(metavar="TIME", help="How long: 3600, 90s, 15m, 12h, 7d at most.")] = "1h",
    endpoint: Annotated[
        str | None, typer.Option(metavar="URL", help="The server as its user reaches it. Default: the one that runs.")
    ] = None,
    access_key: Annotated[
        str | None, typer.Option(metavar="NAME", help="With which key. Default: one of admin's.")
    ] = None,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Print a URL that lets whoever has it make one request, for a while. Nothing is asked of the server."""
    from bucketport.config.keys import MAIN_USER
    from bucketport.config.load import load
    from bucketport.config.offline import key_of
    from bucketport.wire.dates import iso, stamp
    from bucketport.wire.presign import Key, Target, presign_url
    from bucketport.wire.query import encode_key

    method, bucket, key = _what(words)
    seconds = _seconds(expires)
    loaded = load(ask(config, {"server.data data": data}))
    server = loaded.settings.server
    scheme, host, base = _where(endpoint or _usual_endpoint(server.public_urls, server.data, server.listen))
    now = time.time()
    signer = Key(key_of(loaded, MAIN_USER, access_key or ""), server.region or "us-east-1", stamp(now))
    raw_path = f"{base}/{encode_key(bucket)}" + (f"/{encode_key(key)}" if key else "")
    try:
        url = presign_url(method, Target(host, raw_path, scheme=scheme), signer, seconds)
    except ValueError as error:
        raise UsageError(f"--expires: {error}.") from error
    if as_json:
        print_json({"url": url, "method": method, "expires": iso(int((now + seconds) * 1000))})
    else:
        print(url)


def _what(words: list[str]) -> tuple[str, str, str]:
    """Method, bucket and key."""
    *methods, place = words
    method = methods[0].upper() if methods else "GET"
    bucket, _, key = place.removeprefix("s3://").partition("/")
    if len(methods) > 1 or method not in METHODS or not place.startswith("s3://") or not bucket:
        raise UsageError(f"[METHOD] s3://BUCKET/KEY is expected, METHOD one of {', '.join(METHODS)}.")
    return method, bucket, key


def _seconds(text: str) -> int:
    found = re.fullmatch(r"(\d{1,9})([smhd]?)", text)
    if found is None:
        raise UsageError(f"--expires is a time such as 3600, 15m or 7d, not {text[:40]!r}.")
    return int(found[1]) * _UNITS[found[2]]


def _usual_endpoint(public_urls: list[str], folder: str, listen: str) -> str:
    """The address for users when one is configured, else that of the server that runs, else where it would be."""
    if public_urls:
        return public_urls[0]
    running = presence.find(folder)
    return running.url if running is not None else f"http://{listen}"


def _where(endpoint: str) -> tuple[str, str, str]:
    """Scheme, host and path of an endpoint."""
    from bucketport.wire.forwarded import parse_public_url

    try:
        url = parse_public_url(endpoint)
    except ValueError as error:
        raise UsageError(f"--endpoint: {error}.") from error
    return url.scheme, url.host, url.path
