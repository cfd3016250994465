"""How does what Azure cannot hold fit into its metadata? Names and values are encoded reversibly; keys are judged.

A name there is an identifier (letters, digits, `_`, no digit first), compared without case; a value is plain ASCII.
Source: https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata
"""

import binascii
import re
import string

from bucketport.errors import InvalidArgument, InvalidBucketName, InvalidURI
from bucketport.wire.headers import decode_metadata, encode_metadata

OURS = "bucketport_"
"""How the names of what we keep for ourselves begin; no client's name ever does."""

METADATA_BYTES = 8192
"""Names and values of a blob's metadata, together. Source: the same page."""

_EMPTY = "_00"
_TOKEN = frozenset(string.ascii_lowercase + string.digits + "!#$%&'*+-.^_`|~")
"""What a header's name is made of. Source: RFC 9110 section 5.6.2."""

_ESCAPE = re.compile("_([0-9a-f]{2})")


def encode_name(name: str) -> str:
    """A metadata name (without `x-amz-meta-`) as Azure can hold it: `last-modified` becomes `last_2dmodified`.

    What Azure holds as it is stays, an underscore too unless it would read as an escape.
    Raises: InvalidArgument for what is no name of a header.
    """
    name = name.lower()
    if not name:
        return _EMPTY
    if not _TOKEN.issuperset(name):
        raise InvalidArgument(
            "Metadata names must be tokens.", fields={"ArgumentName": "x-amz-meta-" + ascii(name)[1:-1][:100]}
        )
    made = ""
    for at in range(len(name) - 1, -1, -1):
        character = name[at]
        if character == "_":
            lead = "x" if at else ""
            found = _ESCAPE.match(f"{lead}_{made}", len(lead))
            character = _escape(character) if found and _unescaped(found) != found[0] else character
        elif not character.isalnum() or (at == 0 and character.isdigit()):
            character = _escape(character)
        made = character + made
    if made.startswith(OURS) or made == _EMPTY:
        made = _escape(made[0]) + made[1:]
    return made


def decode_name(name: str) -> str:
    """The inverse of `encode_name`. A name that somebody else gave a blob comes out as it is."""
    name = name.lower()
    if name == _EMPTY:
        return ""
    return _ESCAPE.sub(_unescaped, name) if "_" in name else name


def _escape(character: str) -> str:
    return f"_{ord(character):02x}"


def _unescaped(found: re.Match[str]) -> str:
    """The character of an escape that `encode_name` makes; any other text stays."""
    character = chr(int(found[1], 16))
    first = found.start() == 0
    if character == "_" or (first and character.isdigit()):
        return character
    if first and character == OURS[0] and found.string.startswith(OURS[1:], found.end()):
        return character
    return character if character in _TOKEN and not character.isalnum() else found[0]


def encode_value(value: str) -> str:
    """A value as Azure keeps it unchanged: itself, or an RFC 2047 word for what it would trim, fold or refuse."""
    plain = value.isascii() and value.isprintable() and value == value.strip() and "  " not in value
    if plain and value and "=?" not in value:
        return value
    made = encode_metadata(value)
    if made == value:
        made = f"=?UTF-8?B?{binascii.b2a_base64(value.encode(), newline=False).decode()}?="
    return made


def decode_value(value: str) -> str:
    """The inverse of `encode_value`."""
    return decode_metadata(value)


_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\\\ufffe\uffff]|\.(?:/|\Z)")


def check_key(key: str) -> None:
    """Refuse a key that Azure would not keep apart from another one. Raises: InvalidURI.

    The service reads paths as .NET does: dot segments and dots at the end of a segment may vanish, a backslash may
    become a slash, control characters are refused. Nothing outside a prefix may be reached that way.
    Source: the naming page, and what rclone replaces for Azure (backslashes, dots at the end, control characters).
    """
    if _UNSAFE.search(key):
        raise InvalidURI(
            "Azure cannot hold this key: segments that end in a dot, backslashes and control characters.",
            fields={"URI": ascii(key)[1:-1][:200]},
        )


_CONTAINER = re.compile("(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


def check_container(name: str) -> None:
    """Refuse a name that no container may have. Raises: InvalidBucketName."""
    if not _CONTAINER.fullmatch(name):
        raise InvalidBucketName(
            "Azure's containers have 3 to 63 lower-case letters, digits and single hyphens.",
            fields={"BucketName": name[:200]},
        )
