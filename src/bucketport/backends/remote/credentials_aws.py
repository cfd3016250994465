"""Where does AWS keep a machine's keys? In the order in which its own tools look: `chain`.

Environment, web identity (Kubernetes), shared files with AWS_PROFILE, the container's endpoint (ECS, EKS). Every way
that asks somebody is a plan. Source: botocore 1.44, credentials.py (create_credential_resolver).
"""

import configparser
import hashlib
import posixpath
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from bucketport.backends.remote.credentials import AwsKey, Keys, Lasting, Lease
from bucketport.backends.remote.dialect import Plan
from bucketport.backends.remote.endpoint import parse_endpoint
from bucketport.backends.remote.fetching import Machine, form, json_of, missing, renewed
from bucketport.backends.remote.sending import Surroundings
from bucketport.errors import MalformedXML
from bucketport.message import HttpAnswer, HttpRequest
from bucketport.model import Credential, Secret
from bucketport.wire import dates
from bucketport.wire.presign import Key, Target, sign_headers
from bucketport.wire.xml import parse

_CONTAINER = "http://169.254.170.2"
"""Where ECS answers AWS_CONTAINER_CREDENTIALS_RELATIVE_URI."""

_LOCAL = ("127.0.0.1", "localhost", "::1", "169.254.170.2", "169.254.170.23", "fd00:ec2::23")
"""Hosts that a full URI may name without TLS. Source: botocore, ContainerMetadataFetcher."""


def chain(machine: Machine, world: Surroundings, report: Callable[[str], None] = lambda _: None) -> Keys[AwsKey]:
    """The keys of this machine. Raises: ValueError that names every place where there are none."""
    get = machine.get
    if get("AWS_ACCESS_KEY_ID") and get("AWS_SECRET_ACCESS_KEY") and not get("AWS_PROFILE"):
        token = get("AWS_SESSION_TOKEN")
        return Lasting(AwsKey(get("AWS_ACCESS_KEY_ID"), Secret(get("AWS_SECRET_ACCESS_KEY")), token))
    if get("AWS_WEB_IDENTITY_TOKEN_FILE") and get("AWS_ROLE_ARN"):
        path, role = get("AWS_WEB_IDENTITY_TOKEN_FILE"), get("AWS_ROLE_ARN")
        session = get("AWS_ROLE_SESSION_NAME") or "bucketport"
        url = sts_url(machine, "")
        return renewed(lambda: web_identity(machine, url, role, path, session), world, report)
    found = _from_profile(machine, world, report)
    if found is not None:
        return found
    if get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") or get("AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        return renewed(lambda: container(machine), world, report)
    raise ValueError(
        "no AWS credentials: set access_key_id and secret_access_key, skip_signature, AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY, AWS_PROFILE, AWS_WEB_IDENTITY_TOKEN_FILE or AWS_CONTAINER_CREDENTIALS_FULL_URI"
    )


def profiles(machine: Machine) -> dict[str, dict[str, str]]:
    """Every profile of the shared files; what the credentials file says counts over the config file.

    Raises: ValueError for a file that cannot be understood.
    """
    get, found = machine.get, dict[str, dict[str, str]]()
    config = get("AWS_CONFIG_FILE") or posixpath.join(machine.home, ".aws/config")
    shared = get("AWS_SHARED_CREDENTIALS_FILE") or posixpath.join(machine.home, ".aws/credentials")
    for path, prefix in ((config, "profile "), (shared, "")):
        try:
            text = machine.read(path)
        except OSError:
            continue
        parser = configparser.RawConfigParser(default_section="")
        try:
            parser.read_string(text)
        except configparser.Error as error:
            raise ValueError(f"{path}: {error.message.splitlines()[0]}") from None
        for section in parser.sections():
            if prefix and section != "default" and not section.startswith(prefix):
                continue
            name = section.removeprefix(prefix).strip()
            found.setdefault(name, {}).update(parser.items(section))
    return found


def _from_profile(machine: Machine, world: Surroundings, report: Callable[[str], None]) -> Keys[AwsKey] | None:
    """The keys of the profile AWS_PROFILE, or of `default` if there is one."""
    name = machine.get("AWS_PROFILE") or machine.get("AWS_DEFAULT_PROFILE")
    held = profiles(machine)
    profile = held.get(name or "default")
    if profile is None:
        if name:
            raise ValueError(f"AWS_PROFILE names {name!r}, which the shared files do not have")
        return None
    role, region = profile.get("role_arn", ""), profile.get("region", "")
    session = profile.get("role_session_name") or "bucketport"
    if role and profile.get("web_identity_token_file"):
        path, url = profile["web_identity_token_file"], sts_url(machine, region)
        return renewed(lambda: web_identity(machine, url, role, path, session), world, report)
    if role:
        source = _static(held.get(profile.get("source_profile", ""), {}))
        if source is None:
            raise ValueError(f"profile {name or 'default'}: role_arn needs a source_profile that has keys")
        url = sts_url(machine, region)
        fields = {"RoleArn": role, "RoleSessionName": session}
        if profile.get("external_id"):
            fields["ExternalId"] = profile["external_id"]
        return renewed(lambda: assume_role(url, fields, source, region, world.now()), world, report)
    key = _static(profile)
    if key is not None:
        return Lasting(key)
    for way in ("sso_session", "sso_start_url", "credential_process"):
        if way in profile:
            raise ValueError(f"profile {name or 'default'}: {way} is not supported; use keys or a role")
    return None


def _static(profile: Mapping[str, str]) -> AwsKey | None:
    if not profile.get("aws_access_key_id") or not profile.get("aws_secret_access_key"):
        return None
    token = profile.get("aws_session_token", "")
    return AwsKey(profile["aws_access_key_id"], Secret(profile["aws_secret_access_key"]), token)


def sts_url(machine: Machine, region: str) -> str:
    """Where STS is: AWS_ENDPOINT_URL_STS, the region's, or the global one."""
    get = machine.get
    region = get("AWS_REGION") or get("AWS_DEFAULT_REGION") or region
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return get("AWS_ENDPOINT_URL_STS") or (f"https://sts.{region}.{domain}" if region else f"https://sts.{domain}")


def web_identity(machine: Machine, url: str, role: str, path: str, session: str) -> Plan[Lease[AwsKey]]:
    """AssumeRoleWithWebIdentity; the token's file is read each time, because it is replaced.

    Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
    """
    token = machine.text(path, "the web identity token")
    fields = {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": role,
        "RoleSessionName": session,
        "WebIdentityToken": token,
    }
    answer = yield form(url, fields)
    return _sts_lease(answer, "AssumeRoleWithWebIdentity")


def assume_role(url: str, fields: Mapping[str, str], source: AwsKey, region: str, now: float) -> Plan[Lease[AwsKey]]:
    """AssumeRole, signed with the keys of another profile."""
    endpoint = parse_endpoint(url)
    body = urlencode({"Action": "AssumeRole", "Version": "2011-06-15", **fields}).encode()
    path = endpoint.base or "/"
    credential = Credential(source.access_key, source.secret, "")
    key = Key(credential, region or "us-east-1", dates.stamp(now), source.token, "sts")
    headers = {"content-type": "application/x-www-form-urlencoded"}
    signed = sign_headers("POST", Target(endpoint.authority, path), headers, hashlib.sha256(body).hexdigest(), key)
    del signed["host"]
    answer = yield HttpRequest("POST", endpoint, path, headers=signed, body=body)
    return _sts_lease(answer, "AssumeRole")


def _sts_lease(answer: HttpAnswer, action: str) -> Lease[AwsKey]:
    try:
        if answer.status != 200:
            error = parse(answer.content, "ErrorResponse").find("Error")
            code = error.value("Code") if error is not None else ""
            raise missing(f"STS answered {answer.status} {code[:80]} to {action}")
        result = parse(answer.content, f"{action}Response").find(f"{action}Result")
        node = result.find("Credentials") if result is not None else None
    except MalformedXML:
        raise missing(f"STS answered {answer.status} and no XML to {action}") from None
    if node is None or not node.value("AccessKeyId") or not node.value("SecretAccessKey"):
        raise missing(f"STS gave no keys to {action}")
    over = dates.parse_iso(node.value("Expiration"))
    key = AwsKey(node.value("AccessKeyId"), Secret(node.value("SecretAccessKey")), node.value("SessionToken"))
    return Lease(key, None if over is None else over / 1000)


def container(machine: Machine) -> Plan[Lease[AwsKey]]:
    """The container's endpoint (ECS, EKS Pod Identity).

    Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
    """
    get = machine.get
    relative = get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    url = _CONTAINER + relative if relative else get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    address, _, query = url.partition("?")
    endpoint = parse_endpoint(address)
    if endpoint.scheme != "https" and endpoint.host not in _LOCAL:
        raise missing(f"AWS_CONTAINER_CREDENTIALS_FULL_URI may not name {endpoint.host} without https")
    path = get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
    token = machine.text(path, "the container's token") if path else get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
    headers = {"accept": "application/json"}
    if token:
        headers["authorization"] = token
    answer = yield HttpRequest("GET", endpoint, endpoint.base or "/", query, headers)
    found = json_of(answer, "the container's endpoint")
    try:
        key = AwsKey(found["AccessKeyId"], Secret(found["SecretAccessKey"]), found.get("Token", ""))
    except KeyError as error:
        raise missing(f"the container's endpoint gave no {error}") from None
    over = dates.parse_iso(str(found.get("Expiration", "")))
    return Lease(key, None if over is None else over / 1000)
