"""With what does one sign for Azure? A shared key, a SAS, or a token that Entra gives for a secret or an assertion.

Source: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow, and the names of
variables that Azure's own libraries read (EnvironmentCredential, WorkloadIdentityCredential; 2026-11).
"""

from collections.abc import Callable

from bucketport.backends.remote.credentials import Keys, Lasting, Lease
from bucketport.backends.remote.dialect import Plan
from bucketport.backends.remote.fetching import Machine, form, renewed, token_of
from bucketport.backends.remote.sending import Surroundings
from bucketport.model import Secret
from bucketport.record import record
from bucketport.wire.query import encode

SCOPE = "https://storage.azure.com/.default"

_AUTHORITY = "https://login.microsoftonline.com"


@record
class SharedKey:
    """The account's key: `key` is base64 as Azure shows it."""

    account: str
    key: Secret


@record
class Sas:
    """A shared access signature: a query (without `?`) that goes onto every URL."""

    query: Secret


@record
class Bearer:
    """A token for the Authorization header."""

    token: Secret


AzureKey = SharedKey | Sas | Bearer


def chain(
    account: str, machine: Machine, world: Surroundings, report: Callable[[str], None] = lambda _: None
) -> Keys[AzureKey]:
    """The keys of this machine for a storage account. Raises: ValueError when there are none."""
    get = machine.get
    key = get("AZURE_STORAGE_ACCOUNT_KEY") or get("AZURE_STORAGE_KEY")
    if key:
        return Lasting(SharedKey(account, Secret(key)))
    if get("AZURE_STORAGE_SAS_TOKEN"):
        return Lasting(Sas(Secret(get("AZURE_STORAGE_SAS_TOKEN").removeprefix("?"))))
    tenant, client, secret = get("AZURE_TENANT_ID"), get("AZURE_CLIENT_ID"), get("AZURE_CLIENT_SECRET")
    authority = get("AZURE_AUTHORITY_HOST") or _AUTHORITY
    if tenant and client and secret:
        return renewed(lambda: client_secret(authority, tenant, client, Secret(secret), world.now()), world, report)
    path = get("AZURE_FEDERATED_TOKEN_FILE")
    if tenant and client and path:

        def plan() -> Plan[Lease[AzureKey]]:
            assertion = machine.text(path, "the federated token")
            return client_assertion(authority, tenant, client, assertion, world.now())

        return renewed(plan, world, report)
    raise ValueError(
        "no Azure credentials: set access_key, sas_token, skip_signature, AZURE_STORAGE_ACCOUNT_KEY, or "
        "AZURE_TENANT_ID and AZURE_CLIENT_ID with AZURE_CLIENT_SECRET or AZURE_FEDERATED_TOKEN_FILE"
    )


def client_secret(authority: str, tenant: str, client: str, secret: Secret, now: float) -> Plan[Lease[AzureKey]]:
    """A token for an application's secret."""
    fields = {"grant_type": "client_credentials", "client_id": client, "scope": SCOPE}
    answer = yield form(_token_url(authority, tenant), fields | {"client_secret": secret.reveal()})
    token, over = token_of(answer, "Entra", now)
    return Lease(Bearer(Secret(token)), over)


def client_assertion(authority: str, tenant: str, client: str, assertion: str, now: float) -> Plan[Lease[AzureKey]]:
    """A token for somebody else's token (Kubernetes' workload identity)."""
    fields = {
        "grant_type": "client_credentials",
        "client_id": client,
        "scope": SCOPE,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion,
    }
    answer = yield form(_token_url(authority, tenant), fields)
    token, over = token_of(answer, "Entra", now)
    return Lease(Bearer(Secret(token)), over)


def _token_url(authority: str, tenant: str) -> str:
    return f"{authority.rstrip('/')}/{encode(tenant)}/oauth2/v2.0/token"
