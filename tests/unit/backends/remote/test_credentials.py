"""Are keys found where the clouds keep them, renewed in time, and never in a request's way?"""

import asyncio
import base64
import json
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from bucketport.backends.remote import credentials_aws as aws
from bucketport.backends.remote import credentials_azure as azure
from bucketport.backends.remote import credentials_gcs as gcs
from bucketport.backends.remote.credentials import EARLY, LAST, AwsKey, Lasting, Lease, Renewed
from bucketport.backends.remote.fetching import Machine
from bucketport.backends.remote.sending import Surroundings
from bucketport.crypto.native import sign_rs256
from bucketport.errors import BackendError, Trouble
from bucketport.message import HttpAnswer
from bucketport.model import Secret
from bucketport.testing.fakes import FakeClock

NOW = 1_795_000_000.0


class Files:
    def __init__(self, **files):
        self.files = files

    def read(self, path):
        if path not in self.files:
            raise FileNotFoundError(2, "No such file", path)
        return self.files[path]


def machine(files=None, **environment):
    return Machine(environment, Files(**(files or {})).read, "/folders/me")


class Answering:
    """A client that gives what it is told."""

    normalises_paths = False

    def __init__(self, *answers):
        self.answers, self.requests = list(answers), []

    async def send(self, request):
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def world(client, clock=None):
    async def sleep(seconds):
        return None

    return Surroundings(client, clock or FakeClock(NOW), lambda: 0.0, sleep, lambda: 0.5)


def shown(key):
    return key.access_key, key.secret.reveal(), key.token


async def got(keys):
    return shown(await keys.get())


def sts(action="AssumeRoleWithWebIdentity", expiration="2026-11-19T03:06:40Z"):
    return HttpAnswer(
        200,
        {},
        f"<{action}Response xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><{action}Result><Credentials>"
        "<AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
        f"<Expiration>{expiration}</Expiration></Credentials></{action}Result></{action}Response>".encode(),
    )


class TestRenewing:
    def leases(self, *ends):
        given = iter(ends)
        self.fetched = 0

        async def fetch():
            self.fetched += 1
            await asyncio.sleep(0)
            end = next(given)
            if isinstance(end, Exception):
                raise end
            return Lease(f"key{self.fetched}", end)

        return fetch

    def test_key_is_fetched_once_for_all_who_wait(self):
        async def run():
            keys = Renewed(self.leases(NOW + 3600), FakeClock(NOW))
            assert set(await asyncio.gather(*[keys.get() for _ in range(20)])) == {"key1"}
            assert self.fetched == 1

        asyncio.run(run())

    def test_requests_do_not_wait_for_a_renewal(self):
        async def run():
            clock = FakeClock(NOW)
            keys = Renewed(self.leases(NOW + 3600, NOW + 7200), clock)
            await keys.get()
            clock.advance(3600 - EARLY + 1)
            assert await keys.get() == "key1"
            for _ in range(5):
                await asyncio.sleep(0)
            assert await keys.get() == "key2"
            assert self.fetched == 2

        asyncio.run(run())

    def test_key_that_is_over_is_not_used(self):
        async def run():
            clock = FakeClock(NOW)
            keys = Renewed(self.leases(NOW + 3600, NOW + 7200), clock)
            await keys.get()
            clock.advance(3600 - LAST + 1)
            assert await keys.get() == "key2"

        asyncio.run(run())

    def test_failed_renewal_is_told_and_tried_again_later(self):
        async def run():
            told, clock = [], FakeClock(NOW)
            trouble = BackendError(Trouble.TIMEOUT, "no answer")
            keys = Renewed(self.leases(NOW + 3600, trouble, NOW + 7200), clock, told.append)
            await keys.get()
            clock.advance(3600 - EARLY + 1)
            for _ in range(5):
                assert await keys.get() == "key1"
                await asyncio.sleep(0)
            assert self.fetched == 2
            assert "no answer" in told[0]
            clock.advance(20)
            await keys.get()
            for _ in range(5):
                await asyncio.sleep(0)
            assert await keys.get() == "key3"

        asyncio.run(run())

    def test_first_failure_is_the_requests(self):
        async def run():
            keys = Renewed(self.leases(BackendError(Trouble.UNEXPECTED, "no"), NOW + 3600), FakeClock(NOW))
            with pytest.raises(BackendError):
                await keys.get()
            assert await keys.get() == "key2"

        asyncio.run(run())

    def test_refused_key_is_fetched_anew(self):
        async def run():
            keys = Renewed(self.leases(None, None), FakeClock(NOW))
            assert await keys.get() == "key1"
            keys.forget()
            assert await keys.get() == "key2"

        asyncio.run(run())

    def test_one_who_leaves_does_not_stop_the_others(self):
        async def run():
            keys = Renewed(self.leases(NOW + 3600), FakeClock(NOW))
            leaves, stays = asyncio.ensure_future(keys.get()), asyncio.ensure_future(keys.get())
            await asyncio.sleep(0)
            leaves.cancel()
            assert await stays == "key1"

        asyncio.run(run())


class TestAws:
    def test_environment(self):
        here = machine(AWS_ACCESS_KEY_ID="A", AWS_SECRET_ACCESS_KEY="S", AWS_SESSION_TOKEN="T")
        assert asyncio.run(got(aws.chain(here, world(Answering())))) == ("A", "S", "T")

    FILES = {
        "/folders/me/.aws/credentials": "[default]\naws_access_key_id = D\naws_secret_access_key = DS\n"
        "[work]\naws_access_key_id=W\naws_secret_access_key=WS%x\n",
        "/folders/me/.aws/config": "[profile work]\nregion = eu-west-1\n[profile role]\nrole_arn = arn:r\n"
        "source_profile = work\nregion = eu-west-1\n[profile web]\nrole_arn = arn:w\nweb_identity_token_file = /token\n"
        "[profile sso]\nsso_session = x\n",
        "/token": "jwt\n",
    }

    def test_profiles(self):
        assert asyncio.run(got(aws.chain(machine(self.FILES), world(Answering())))) == ("D", "DS", "")
        chosen = machine(self.FILES, AWS_PROFILE="work", AWS_ACCESS_KEY_ID="A", AWS_SECRET_ACCESS_KEY="S")
        assert asyncio.run(got(aws.chain(chosen, world(Answering())))) == ("W", "WS%x", "")

    def test_files_elsewhere(self):
        here = machine({"/x": self.FILES["/folders/me/.aws/credentials"]}, AWS_SHARED_CREDENTIALS_FILE="/x")
        assert asyncio.run(got(aws.chain(here, world(Answering())))) == ("D", "DS", "")

    @pytest.mark.parametrize("name", ["absent", "sso"])
    def test_profile_that_cannot_be_used_is_named(self, name):
        with pytest.raises(ValueError, match=name):
            aws.chain(machine(self.FILES, AWS_PROFILE=name), world(Answering()))

    def test_nothing_anywhere_says_what_to_set(self):
        with pytest.raises(ValueError, match="AWS_ACCESS_KEY_ID"):
            aws.chain(machine(), world(Answering()))

    def test_role_of_another_profile_is_a_signed_request(self):
        client = Answering(sts("AssumeRole"))
        assert asyncio.run(got(aws.chain(machine(self.FILES, AWS_PROFILE="role"), world(client)))) == ("ASIA", "s", "t")
        sent = client.requests[0]
        assert sent.url == "https://sts.eu-west-1.amazonaws.com/"
        assert "Credential=W/20261118/eu-west-1/sts/aws4_request" in sent.headers["authorization"]
        assert parse_qs(sent.body.decode())["RoleArn"] == ["arn:r"]

    def test_web_identity_by_environment_and_by_profile(self):
        token = {"/token": "jwt\n"}
        variables = {"AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_ROLE_ARN": "arn:w", "AWS_REGION": "eu-west-1"}
        for here in (machine(token, **variables), machine(self.FILES, AWS_PROFILE="web", AWS_REGION="eu-west-1")):
            client = Answering(sts())
            assert asyncio.run(got(aws.chain(here, world(client)))) == ("ASIA", "s", "t")
            form = parse_qs(client.requests[0].body.decode())
            assert (form["WebIdentityToken"], form["RoleArn"]) == (["jwt"], ["arn:w"])
            assert "authorization" not in client.requests[0].headers

    def test_token_file_is_read_for_each_renewal(self):
        files, clock = {"/token": "one"}, FakeClock(NOW)
        client = Answering(sts(expiration="2026-11-18T08:13:50Z"), sts())
        here = machine(files, AWS_WEB_IDENTITY_TOKEN_FILE="/token", AWS_ROLE_ARN="arn:w")

        async def run():
            keys = aws.chain(Machine(here.environment, files.__getitem__), world(client, clock))
            await keys.get()
            files["/token"] = "two"
            clock.advance(3600)
            await keys.get()

        asyncio.run(run())
        assert [parse_qs(each.body.decode())["WebIdentityToken"] for each in client.requests] == [["one"], ["two"]]

    def test_sts_that_refuses_is_told_by_its_code(self):
        refused = HttpAnswer(
            403,
            {},
            b"<ErrorResponse><Error><Code>ExpiredTokenException</Code><Message>jwt</Message></Error></ErrorResponse>",
        )
        here = machine({"/token": "secret-jwt"}, AWS_WEB_IDENTITY_TOKEN_FILE="/token", AWS_ROLE_ARN="arn:w")
        with pytest.raises(BackendError) as caught:
            asyncio.run(got(aws.chain(here, world(Answering(refused)))))
        assert "ExpiredTokenException" in str(caught.value)
        assert "secret-jwt" not in str(caught.value)

    def test_container_endpoint(self):
        body = {"AccessKeyId": "C", "SecretAccessKey": "CS", "Token": "CT", "Expiration": "2026-11-19T03:06:40Z"}
        client = Answering(HttpAnswer(200, {}, json.dumps(body).encode()))
        here = machine(
            {"/t": "tok"},
            AWS_CONTAINER_CREDENTIALS_FULL_URI="http://169.254.170.23/v1/credentials?x=1",
            AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE="/t",
        )
        assert asyncio.run(got(aws.chain(here, world(client)))) == ("C", "CS", "CT")
        assert client.requests[0].url == "http://169.254.170.23/v1/credentials?x=1"
        assert client.requests[0].headers["authorization"] == "tok"

    def test_container_endpoint_is_local_or_secure(self):
        here = machine(AWS_CONTAINER_CREDENTIALS_FULL_URI="http://evil.test/")
        with pytest.raises(BackendError, match="without https"):
            asyncio.run(got(aws.chain(here, world(Answering()))))


def token(lasts=3600):
    return HttpAnswer(200, {}, json.dumps({"access_token": "tok", "expires_in": lasts}).encode())


class TestAzure:
    def test_key_and_sas(self):
        for variables, kind in (
            ({"AZURE_STORAGE_ACCOUNT_KEY": "a2V5"}, azure.SharedKey),
            ({"AZURE_STORAGE_SAS_TOKEN": "?sv=1&sig=x"}, azure.Sas),
        ):
            key = asyncio.run(azure.chain("acc", machine(**variables), world(Answering())).get())
            assert type(key) is kind

    def test_client_secret_and_workload_identity(self):
        both = {"AZURE_TENANT_ID": "ten", "AZURE_CLIENT_ID": "cli"}
        for files, variables, field in (
            ({}, {"AZURE_CLIENT_SECRET": "sec"}, "client_secret"),
            ({"/f": "jwt"}, {"AZURE_FEDERATED_TOKEN_FILE": "/f"}, "client_assertion"),
        ):
            client = Answering(token())
            key = asyncio.run(azure.chain("acc", machine(files, **both, **variables), world(client)).get())
            assert key.token.reveal() == "tok"
            assert client.requests[0].url == "https://login.microsoftonline.com/ten/oauth2/v2.0/token"
            form = parse_qs(client.requests[0].body.decode())
            assert form["scope"] == ["https://storage.azure.com/.default"]
            assert field in form

    def test_nothing_says_what_to_set(self):
        with pytest.raises(ValueError, match="AZURE_CLIENT_ID"):
            azure.chain("acc", machine(), world(Answering()))


@pytest.fixture(scope="module")
def private_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem_of(key):
    kind = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()).decode()


class TestGoogle:
    def test_service_account_signs_a_jwt(self, private_key):
        account = {"type": "service_account", "client_email": "me@x", "private_key": pem_of(private_key)}
        client = Answering(token())
        here = machine({"/k.json": json.dumps(account)}, GOOGLE_APPLICATION_CREDENTIALS="/k.json")
        key = asyncio.run(gcs.chain(here, world(client), sign_rs256).get())
        assert key.token.reveal() == "tok"
        assertion = parse_qs(client.requests[0].body.decode())["assertion"][0]
        text, _, signature = assertion.rpartition(".")
        private_key.public_key().verify(unpadded(signature), text.encode(), padding.PKCS1v15(), hashes.SHA256())
        claims = json.loads(unpadded(text.split(".")[1]))
        assert (claims["iss"], claims["aud"], claims["exp"] - claims["iat"]) == (
            "me@x",
            "https://oauth2.googleapis.com/token",
            3600,
        )

    def test_refresh_token_of_gcloud(self):
        user = {"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"}
        client = Answering(token())
        here = machine({"/folders/me/.config/gcloud/application_default_credentials.json": json.dumps(user)})
        asyncio.run(gcs.chain(here, world(client), sign_rs256).get())
        assert parse_qs(client.requests[0].body.decode())["refresh_token"] == ["r"]

    def test_machine_on_googles_own(self):
        client = Answering(token())
        asyncio.run(gcs.chain(machine(), world(client), sign_rs256).get())
        assert client.requests[0].headers["metadata-flavor"] == "Google"

    @pytest.mark.parametrize(
        "text", ["", "[]", '{"type": "x"}', '{"type": "service_account", "private_key": "secret-pem"}',
                 '{"type": "service_account", "client_email": "a", "private_key": "secret-pem"}']
    )  # fmt: skip
    def test_unusable_file_is_told_and_not_shown(self, text):
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            gcs.from_json(text, world(Answering()), sign_rs256)
        assert "secret-pem" not in str(caught.value)


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_key_without_secrets_in_its_repr():
    assert "hidden" not in repr(AwsKey("A", Secret("hidden"), ""))
    assert asyncio.run(Lasting(None).get()) is None
