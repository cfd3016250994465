"""How does a table of `backend_options` become a backend? One function a kind, from options to a dialect with its keys.

Backends are kept by their options, so that a change of the file leaves those it does not touch as they are: pools of
connections, keys that were fetched, the content of a memory backend.
"""

import asyncio
import contextlib
import json
import os
import random
from collections.abc import Callable, Mapping
from typing import TypeVar

from bucketport import __version__
from bucketport.backends.memory import Memory
from bucketport.backends.prefix import Prefixed
from bucketport.backends.remote import credentials_aws, credentials_azure, credentials_gcs
from bucketport.backends.remote import sending as remote
from bucketport.backends.remote.azure import dialect as azure
from bucketport.backends.remote.azure import requests as azure_requests
from bucketport.backends.remote.azure.signing import sealing_key
from bucketport.backends.remote.backend import Remote
from bucketport.backends.remote.credentials import AwsKey, Keys, Lasting
from bucketport.backends.remote.endpoint import parse_endpoint
from bucketport.backends.remote.fetching import Machine
from bucketport.backends.remote.gcs import dialect as gcs
from bucketport.backends.remote.gcs import requests as gcs_requests
from bucketport.backends.remote.s3.dialect import S3
from bucketport.backends.remote.s3.requests import Place as S3Place
from bucketport.config import extensions
from bucketport.config.options import canonical
from bucketport.config.trouble import UsageError
from bucketport.errors import BucketAlreadyExists, BucketAlreadyOwnedByYou
from bucketport.model import BucketInfo, Secret
from bucketport.ports import Digests, Entropy, NewId, Now, StoreBackend
from bucketport.record import record
from bucketport.transports.http1 import Http1Client

Options = Mapping[str, str]

C = TypeVar("C")

_ENVIRONMENT = {
    "profile": "AWS_PROFILE",
    "role_arn": "AWS_ROLE_ARN",
    "role_session_name": "AWS_ROLE_SESSION_NAME",
    "web_identity_token_file": "AWS_WEB_IDENTITY_TOKEN_FILE",
    "container_credentials_relative_uri": "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "container_credentials_full_uri": "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "container_authorization_token_file": "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "client_id": "AZURE_CLIENT_ID",
    "client_secret": "AZURE_CLIENT_SECRET",
    "tenant_id": "AZURE_TENANT_ID",
    "authority_host": "AZURE_AUTHORITY_HOST",
    "federated_token_file": "AZURE_FEDERATED_TOKEN_FILE",
    "application_credentials": "GOOGLE_APPLICATION_CREDENTIALS",
    "service_account": "GOOGLE_APPLICATION_CREDENTIALS",
}
"""Options that say what the clouds' own tools read from the environment."""

_EMULATOR_ACCOUNT = "devstoreaccount1"
_EMULATOR_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Public by design. Source: https://learn.microsoft.com/azure/storage/common/storage-use-azurite"""


@record
class World:
    """What backends need of the process. `needs_keys` False: a machine without keys to a cloud is only told, for a
    check that runs elsewhere than the gateway will."""

    now: Now
    monotonic: Callable[[], float]
    entropy: Entropy
    new_id: NewId
    digests: Digests
    report: Callable[[str], None]
    needs_keys: bool = True


class Backends:
    """The backends that configurations asked for so far. `store` is the embedded one, None where there is none."""

    def __init__(self, world: World, store: StoreBackend | None) -> None:
        self._world, self._store = world, store
        self._client = Http1Client()
        self._kept: dict[tuple[str, frozenset[tuple[str, str]]], StoreBackend] = {}
        self._surroundings = remote.Surroundings(
            self._client, world.now, world.monotonic, asyncio.sleep, random.random, f"bucketport/{__version__}"
        )

    @property
    def connections(self) -> int:
        """Connections to backends that are open now."""
        return self._client.connections

    def backend(self, kind: str, given: Options) -> StoreBackend:
        """The backend of these options. Raises: UsageError that names what is wrong."""
        options = canonical(kind, given)
        if options.get("auth_type") == "oidc":
            raise UsageError("auth_type = oidc is not served yet: give the backend keys of its own.")
        key = (kind, frozenset(options.items()))
        if key not in self._kept:
            try:
                self._kept[key] = self._make(kind, options)
            except ValueError as error:
                raise UsageError(f"A {kind} backend cannot be used: {error}.") from error
        return self._kept[key]

    def means(self, options: Options) -> extensions.Means:
        """What another package's extension is made with."""
        world = self._world
        return extensions.Means(
            options, world.now, world.monotonic, world.entropy, world.new_id, world.digests, self._client, world.report
        )

    def bucket(self, name: str, kind: str, prefix: str, given: Options) -> StoreBackend:
        """The backend of one configured bucket, under its prefix. Raises: UsageError."""
        backend = self.backend(kind, given)
        if kind in ("local", "memory"):
            held = canonical(kind, given).get("bucket_name", name)
            if held != name:
                raise UsageError(f"The {kind} bucket of {name} has to be called {name} too, not {held}.")
        if isinstance(backend, Memory):
            _make_bucket(backend, BucketInfo(name, "", int(self._world.now() * 1000)))
        return Prefixed(backend, prefix) if prefix else backend

    async def close(self) -> None:
        """Let the connections go."""
        await self._client.close()

    def _make(self, kind: str, options: Options) -> StoreBackend:
        if kind == "s3":
            return self._s3(options)
        if kind == "az":
            return self._azure(options)
        if kind == "gcs":
            return self._gcs(options)
        if kind == "memory":
            world = self._world
            return Memory(now=world.now, new_id=world.new_id, digests=world.digests)
        if kind != "local":
            made: StoreBackend = extensions.make("backends", kind, self.means(options))
            return made
        if "path" in options:
            raise ValueError("a local backend is the embedded store, in the data folder; path has no place here")
        if self._store is None:
            raise ValueError("a local backend needs the section [store]")
        return self._store

    def _machine(self, options: Options) -> Machine:
        said = {_ENVIRONMENT[name]: value for name, value in options.items() if name in _ENVIRONMENT}
        return Machine({**os.environ, **said}, _read, os.path.expanduser("~"))

    def _s3(self, options: Options) -> StoreBackend:
        region = options.get("region", "us-east-1")
        endpoint = options.get("endpoint") or f"https://s3.{region}.amazonaws.com"
        bucket = options.get("bucket_name", "")
        anonymous = _true(options.get("skip_signature"))
        # Amazon wants the bucket in the host; a name with dots does not fit its certificate there.
        virtual = "endpoint" not in options and "." not in bucket
        if "virtual_hosted_style_request" in options:
            virtual = _true(options["virtual_hosted_style_request"])
        access_key, keys = options.get("access_key_id", ""), self._aws_keys(options, anonymous)
        unsigned = _true(options.get("unsigned_payload"))
        place = S3Place(
            parse_endpoint(endpoint), region, bucket, virtual, unsigned, anonymous, access_key
        )  # fmt: skip
        return Remote(S3(place), keys, self._surroundings)

    def _aws_keys(self, options: Options, anonymous: bool) -> Keys[AwsKey]:
        if anonymous:
            return Lasting(None)
        if "access_key_id" in options:
            secret = Secret(options["secret_access_key"])
            return Lasting(AwsKey(options["access_key_id"], secret, options.get("token", "")))
        machine = self._machine(options)
        return self._found(lambda: credentials_aws.chain(machine, self._surroundings, self._world.report))

    def _found(self, chain: Callable[[], Keys[C]]) -> Keys[C]:
        """The keys of this machine. Raises: ValueError where there are none, and they are needed."""
        try:
            return chain()
        except ValueError as error:
            if self._world.needs_keys:
                raise
            self._world.report(str(error))
            return Lasting(None)

    def _azure(self, options: Options) -> StoreBackend:
        account, keys = self._azure_keys(options)
        endpoint = options.get("endpoint") or f"https://{account}.blob.core.windows.net"
        if _true(options.get("use_emulator")) and "endpoint" not in options:
            endpoint = f"http://127.0.0.1:10000/{account}"
        place = azure_requests.Place(parse_endpoint(endpoint), options.get("container_name", ""), account)
        # Upload ids are sealed with what only gateways of this account know; where none of it lasts, until we stop.
        world = self._world
        machine = self._machine(options)
        variables = ("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_KEY", "AZURE_STORAGE_SAS_TOKEN", "AZURE_CLIENT_SECRET")
        secret = (
            options.get("access_key") or options.get("sas_token") or next(filter(None, map(machine.get, variables)), "")
        )
        sealed = Secret(secret or world.entropy(32).hex())
        tools = azure_requests.Tools(world.now, world.entropy, world.digests, sealing_key(None, sealed))
        signs_urls = isinstance(keys, Lasting) and isinstance(keys.key, credentials_azure.SharedKey)
        return Remote(azure.Azure(place, tools, signs_urls=signs_urls), keys, self._surroundings)

    def _azure_keys(self, options: Options) -> tuple[str, "Keys[credentials_azure.AzureKey]"]:
        emulated = _true(options.get("use_emulator"))
        account = options.get("account_name") or (_EMULATOR_ACCOUNT if emulated else "")
        key = options.get("access_key") or (_EMULATOR_KEY if emulated else "")
        if _true(options.get("skip_signature")):
            return account, Lasting(None)
        if key:
            return account, Lasting(credentials_azure.SharedKey(account, Secret(key)))
        if "sas_token" in options:
            return account, Lasting(credentials_azure.Sas(Secret(options["sas_token"].removeprefix("?"))))
        if "token" in options:
            return account, Lasting(credentials_azure.Bearer(Secret(options["token"])))
        machine, report = self._machine(options), self._world.report
        return account, self._found(lambda: credentials_azure.chain(account, machine, self._surroundings, report))

    def _gcs(self, options: Options) -> StoreBackend:
        place = gcs_requests.Place(
            parse_endpoint(options.get("endpoint") or "https://storage.googleapis.com"),
            options.get("bucket_name", ""),
            options.get("project_id") or _project(options.get("service_account_key", "")),
        )
        world = self._world
        keys: Keys[credentials_gcs.Bearer]
        sign_rs256, signs_urls = _signer(), False
        if _true(options.get("skip_signature")):
            keys = Lasting(None)
        elif "service_account_key" in options:
            keys = credentials_gcs.from_json(
                options["service_account_key"], self._surroundings, sign_rs256, world.report
            )  # fmt: skip
            signs_urls = credentials_gcs.signs_urls(options["service_account_key"])
        else:
            machine = self._machine(options)
            keys = self._found(lambda: credentials_gcs.chain(machine, self._surroundings, sign_rs256, world.report))
        dialect = gcs.Gcs(place, world.digests, world.entropy, world.now, signs_urls=signs_urls)
        return Remote(dialect, keys, self._surroundings)


def _true(text: str | None) -> bool:
    return (text or "").lower() in ("true", "1", "yes", "on")


def _project(key: str) -> str:
    """The project that a service account's key names, empty when it names none."""
    try:
        return str(json.loads(key).get("project_id", "")) if key else ""
    except (ValueError, AttributeError):
        return ""


def _signer() -> "credentials_gcs.SignRs256":
    """What signs for Google. It is fetched when it is needed: the package is large, and most need none of it."""
    try:
        from bucketport.crypto.native import sign_rs256
    except ImportError as missing:
        raise ValueError("Google's keys need the package cryptography: pip install 'bucketport[gcs]'") from missing
    return sign_rs256


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def _make_bucket(backend: Memory, info: BucketInfo) -> None:
    """Make a bucket in memory, where making one awaits nothing."""
    making = backend.create_bucket(info)
    with contextlib.suppress(StopIteration, BucketAlreadyOwnedByYou, BucketAlreadyExists):
        making.send(None)
