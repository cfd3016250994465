"""Who signs with a private key here? The cryptography package."""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key


def sign_rs256(pem: str, message: bytes) -> bytes:
    """The RS256 signature of `message`. Raises: ValueError when `pem` is no RSA private key; it says none of it.

    Source: RFC 7518 section 3.3 (RSASSA-PKCS1-v1_5 with SHA-256).
    """
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("the private key is no PEM of an unencrypted RSA key") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("the private key is no RSA key")
    return key.sign(message, padding.PKCS1v15(), hashes.SHA256())
