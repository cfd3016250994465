"""How does a command ask the running server for something? By one signed request, as any client would."""

import http.client
import ssl
import time
import urllib.parse

from bucketport.cli.presence import Presence
from bucketport.config.trouble import Failure
from bucketport.errors import S3Error
from bucketport.model import Credential
from bucketport.wire.dates import stamp
from bucketport.wire.presign import Key, Target, sign_headers
from bucketport.wire.sigv4 import EMPTY_SHA256
from bucketport.wire.xml import parse

SECONDS = 30
"""How long the server may take."""


class NotThere(Failure):
    """Nobody listens there any more: the server was killed, and its number belongs to another process."""


def call(server: Presence, method: str, raw_path: str, credential: Credential, region: str = "") -> bytes:
    """The body of a good answer. Raises: Failure with the server's own words, or that it cannot be reached."""
    parts = urllib.parse.urlsplit(server.url)
    key = Key(credential, region or "us-east-1", stamp(time.time()))
    headers = sign_headers(method, Target(parts.netloc, raw_path, scheme=parts.scheme), {}, EMPTY_SHA256, key)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        trust = _trust(server.tls_cert)
        connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=SECONDS, context=trust)
    else:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=SECONDS)
    try:
        connection.request(method, raw_path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
    except ConnectionRefusedError as error:
        raise NotThere(f"Nobody listens at {server.url}.") from error
    except (OSError, http.client.HTTPException) as error:
        raise Failure(f"The server at {server.url} (process {server.pid}) does not answer: {error}.") from error
    finally:
        connection.close()
    if answer.status >= 300:
        raise Failure(f"The server answers {answer.status}: {_message(body)}")
    return body


def _trust(certificate: str) -> ssl.SSLContext:
    """Trust in the very certificate that the server was started with, whoever signed it and for whatever name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(certificate)
    return context


def _message(body: bytes) -> str:
    try:
        return parse(body, "Error").value("Message")
    except S3Error:
        return "something that is no S3 error"
