"""How do real clients meet the server? It runs as a child process until the session ends: over HTTP, over TLS, and as a
gateway before another one.
"""

import datetime
import hashlib
import http.client
import ipaddress
import itertools
import os
import pathlib
import random
import signal
import socket
import ssl
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import boto3
import botocore.config
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ACCESS, SECRET = "CLIENTTESTKEY", "client-test-secret/with+odd=signs"
OTHER_ACCESS, OTHER_SECRET = "OTHERTESTKEY", "other-test-secret"
BEHIND_ACCESS, BEHIND_SECRET = "BEHINDKEY", "behind-secret/with+odd=signs"
BEHIND_OTHER_ACCESS, BEHIND_OTHER_SECRET = "BEHINDOTHERKEY", "behind-other-secret"
READER_ACCESS, READER_SECRET = "READERTESTKEY", "reader-test-secret"
DOMAIN = "s3.bucketport.test"
PUBLIC = "public-bucket"
REGION = "us-east-1"
PROGRAM = "from bucketport.cli.main import run; run()"
START_SECONDS = 30


class Authority(NamedTuple):
    """A certificate authority of the tests, and a server's certificate signed by it: paths of PEM files."""

    root: pathlib.Path
    certificate: pathlib.Path
    key: pathlib.Path


class Server:
    """A `bucketport serve` that runs: where it is reached, and its process."""

    access, secret = ACCESS, SECRET
    other_access, other_secret = OTHER_ACCESS, OTHER_SECRET

    def __init__(self, folder: pathlib.Path, authority: Authority | None, arguments: tuple[str, ...] = ()) -> None:
        self.folder, self.authority, self.arguments = folder, authority, arguments
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "server.log"
        self.port = _free_port()
        self.endpoint = f"{'https' if authority else 'http'}://127.0.0.1:{self.port}"
        self.process = self._start()

    def _options(self) -> tuple[list[str], dict[str, str]]:
        """What says whom it serves and from where: words of the command, and variables of the environment."""
        words = ["--user", f"other:{self.other_access}:{self.other_secret}", "--bucket", PUBLIC, "--public", PUBLIC]
        return words, {"BUCKETPORT_ACCESS_KEY": self.access, "BUCKETPORT_SECRET_KEY": self.secret}

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", PROGRAM, "serve", "--data", str(self.folder / "data")]
        words, variables = self._options()
        command += ["--listen", f"127.0.0.1:{self.port}", "--domain", DOMAIN, *words, *self.arguments]
        if self.authority:
            command += ["--tls-cert", str(self.authority.certificate), "--tls-key", str(self.authority.key)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MINIO_"))}
        environment |= variables
        with self.log.open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        self._wait_until_ready(process)
        return process

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        """A child process gives no event but this: ask until it answers."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise AssertionError(f"the server ended with {process.returncode}: {self.log.read_text()[-2000:]}")
            try:
                if self.ask("GET", "/-/health/ready").status == 200:
                    return
            except OSError:
                time.sleep(0.05)
        process.kill()
        raise AssertionError(f"the server was not ready in {START_SECONDS} s: {self.log.read_text()[-2000:]}")

    def ask(self, method: str, target: str, **more: Any) -> http.client.HTTPResponse:
        """One plain request, unsigned, on a connection of its own."""
        connection: http.client.HTTPConnection
        if self.authority:
            trust = ssl.create_default_context(cafile=str(self.authority.root))
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=20, context=trust)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, target, **more)
        answer = connection.getresponse()
        answer.body = answer.read()  # type: ignore[attr-defined]
        connection.close()
        return answer

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end, and wait; its exit code."""
        self.process.send_signal(how)
        return self.process.wait(timeout=40)

    def restart(self) -> None:
        """Start it again on the same data and port."""
        self.process = self._start()

    def client(self, access: str | None = None, secret: str | None = None, **settings: Any) -> Any:
        """A boto3 client of this server; of its first user unless told."""
        access, secret = access or self.access, secret or self.secret
        settings.setdefault("s3", {"addressing_style": "path"})
        settings.setdefault("signature_version", "s3v4")  # for presigned URLs; None: boto3's own choice
        settings.setdefault("retries", {"total_max_attempts": 1})
        return boto3.session.Session(access, secret, region_name=REGION).client(
            "s3",
            endpoint_url=self.endpoint,
            verify=str(self.authority.root) if self.authority else None,
            config=botocore.config.Config(**settings),
        )

    def environment(self, home: pathlib.Path) -> dict[str, str]:
        """What a command-line client needs in its environment: keys, home, trust; nothing of the caller's."""
        made = {
            "PATH": f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ.get('PATH', '')}",
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "AWS_ACCESS_KEY_ID": ACCESS,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": str(home / "aws-config"),
        }
        (home / "aws-config").write_text("[default]\ns3 =\n  signature_version = s3v4\n")
        if self.authority:
            made["AWS_CA_BUNDLE"] = str(self.authority.root)
        return made


class Behind(Server):
    """A server that only the gateway's users reach, with keys that only the gateway knows."""

    access, secret = BEHIND_ACCESS, BEHIND_SECRET
    other_access, other_secret = BEHIND_OTHER_ACCESS, BEHIND_OTHER_SECRET


CONFIGURATION = """
[default_backend]
backend_type = "s3"
anonymous_access = true
backend_options = {{ {behind} }}
[[default_backend.users]]
principal_name = "other"
backend_options = {{ access_key_id = "{other_access}", secret_access_key = "{other_secret}" }}

[[buckets]]
name = "mapped"
backend_type = "s3"
backend_prefix = "deep/er"
backend_options = {{ {behind}, bucket_name = "held" }}

[[buckets]]
name = "website"
backend_type = "s3"
backend_prefix = "site/"
anonymous_access = true
backend_options = {{ {behind}, bucket_name = "held" }}

[[credentials]]
access_key_id = "CLIENTTESTKEY"
secret_access_key = "client-test-secret/with+odd=signs"
principal_name = "main"
unrestricted = true

[[credentials]]
access_key_id = "OTHERTESTKEY"
secret_access_key = "other-test-secret"
principal_name = "other"
unrestricted = true

[[credentials]]
access_key_id = "READERTESTKEY"
secret_access_key = "reader-test-secret"
principal_name = "reader"
[[credentials.allowed_scopes]]
bucket = "mapped"
prefixes = ["public/"]
actions = ["get_object", "list_bucket"]
"""
"""`{behind}` are the options that reach the server behind."""


class Gateway(Server):
    """A gateway before `behind`: the account under its own names, and two configured buckets in its bucket `held`."""

    def __init__(self, folder: pathlib.Path, authority: Authority | None, behind: Behind) -> None:
        self.behind = behind
        super().__init__(folder, authority)

    def _options(self) -> tuple[list[str], dict[str, str]]:
        behind = self.behind
        options = {
            "endpoint": behind.endpoint,
            "region": REGION,
            "access_key_id": behind.access,
            "secret_access_key": behind.secret,
        }
        text = ", ".join(f'{name} = "{value}"' for name, value in options.items())
        file = self.folder / "gateway.toml"
        file.write_text(
            CONFIGURATION.format(behind=text, other_access=behind.other_access, other_secret=behind.other_secret)
        )
        return ["--config", str(file)], {}


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A root that signs, and a leaf for the server signed by it (a self-signed leaf is refused by strict clients)."""
    folder = tmp_path_factory.mktemp("authority")
    root_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name, leaf_name = _name("bucketport test root"), _name("bucketport test server")
    root = (
        _draft(root_name, root_name, root_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    names = [x509.DNSName("localhost"), x509.DNSName(DOMAIN), x509.DNSName(f"*.{DOMAIN}")]
    leaf = (
        _draft(leaf_name, root_name, leaf_key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(leaf_key.public_key()), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([*names, x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(root_key, hashes.SHA256())
    )
    made = Authority(folder / "root.pem", folder / "server.pem", folder / "server.key")
    made.root.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    made.certificate.write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    made.key.write_bytes(
        leaf_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    made.key.chmod(0o600)
    return made


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _draft(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    draft = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    return draft.serial_number(x509.random_serial_number()).not_valid_before(now - day).not_valid_after(now + day)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server that the gateway stands before, with the bucket `held` of its first user."""
    running = Behind(tmp_path_factory.mktemp("behind"), None)
    running.client().create_bucket(Bucket="held")
    yield running
    assert running.stop() == 0, running.log.read_text()[-2000:]


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory, behind: Behind) -> Iterator[Server]:
    """A gateway for the whole session."""
    running = Gateway(tmp_path_factory.mktemp("gateway"), None, behind)
    yield running
    assert running.stop() == 0, running.log.read_text()[-2000:]


@pytest.fixture(scope="session", params=["http", "tls", "gateway"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for the whole session: over HTTP, once more over TLS, and once more behind a gateway."""
    if request.param == "gateway":
        yield request.getfixturevalue("gateway")
        return
    authority = request.getfixturevalue("authority") if request.param == "tls" else None
    running = Server(tmp_path_factory.mktemp(request.param), authority)
    yield running
    assert running.stop() == 0, running.log.read_text()[-2000:]


@pytest.fixture
def start(tmp_path: pathlib.Path) -> Iterator[Callable[..., Server]]:
    """Start a server of one's own, with further arguments; it is ended after the test if it still runs."""
    started: list[Server] = []

    def begin(*arguments: str, authority: Authority | None = None) -> Server:
        started.append(Server(tmp_path / f"server{len(started)}", authority, arguments))
        return started[-1]

    yield begin
    for running in started:
        if running.process.poll() is None:
            running.process.kill()
            running.process.wait()


@pytest.fixture(scope="session")
def s3(server: Server) -> Any:
    """A boto3 client of the first user."""
    return server.client()


@pytest.fixture(scope="session")
def other(server: Server) -> Any:
    """A boto3 client of the second user."""
    return server.client(OTHER_ACCESS, OTHER_SECRET)


_numbers = itertools.count()


@pytest.fixture
def bucket(s3: Any) -> str:
    """A fresh bucket of the first user."""
    name = f"clients-{os.getpid()}-{next(_numbers)}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture(scope="session")
def big() -> bytes:
    """20 MiB that no compression or repetition flatters: above every client's threshold for parts."""
    return random.Random(20).randbytes(20 << 20)


@pytest.fixture
def run(server: Server, tmp_path: pathlib.Path) -> Callable[..., str]:
    """Run a command-line client with the server's keys; its output. It must succeed unless `fails`."""

    def command(*words: str, fails: bool = False, **more: str) -> str:
        environment = server.environment(tmp_path) | more
        done = subprocess.run(words, env=environment, cwd=tmp_path, capture_output=True, timeout=100, check=False)
        said = (done.stdout + done.stderr).decode(errors="replace")
        assert (done.returncode != 0) == fails, f"{' '.join(words)}: {done.returncode}\n{said[-3000:]}"
        return said if fails else done.stdout.decode()

    return command


@pytest.fixture(scope="session")
def sha() -> Callable[[bytes], str]:
    """The hex SHA-256 of some bytes: a difference in 20 MiB is not to be printed."""
    return lambda data: hashlib.sha256(data).hexdigest()
