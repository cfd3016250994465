"""Which access tier stands for which storage class? S3's name is kept beside where several share a tier."""

from bucketport.errors import InvalidStorageClass

STANDARD = "STANDARD"

_TIERS = {
    "STANDARD_IA": "Cool",
    "ONEZONE_IA": "Cool",
    "GLACIER_IR": "Cold",
    "GLACIER": "Archive",
    "DEEP_ARCHIVE": "Archive",
}

_AS_STANDARD = frozenset({"REDUCED_REDUNDANCY", "INTELLIGENT_TIERING"})
"""Classes that promise no less than the tier of STANDARD gives."""

_CLASSES = {"Cool": "STANDARD_IA", "Cold": "GLACIER_IR", "Archive": "GLACIER"}
"""The class that a tier shows as when nothing else is known."""


def tier_of(storage_class: str, standard: str) -> str:
    """The access tier of a class; `standard` is STANDARD's. Empty: none is to be named. Raises: InvalidStorageClass."""
    if storage_class == STANDARD or storage_class in _AS_STANDARD:
        return standard
    tier = _TIERS.get(storage_class)
    if tier is None:
        raise InvalidStorageClass(
            "Azure has no tier for this storage class.", fields={"StorageClassRequested": storage_class[:200]}
        )
    return tier


def kept(storage_class: str) -> str:
    """The name to keep in metadata: a GET of Azure does not tell the tier, and some classes share one."""
    return "" if storage_class == STANDARD else storage_class


def class_of(tier: str, named: str, standard: str) -> str:
    """The storage class of a blob: the one that was `named` when it was written, unless it has another tier by now.

    `tier` empty: the answer did not tell, as that of a GET.
    Source: https://learn.microsoft.com/rest/api/storageservices/get-blob (checked 2026-11)
    """
    if named and not tier:
        return named
    if named:
        wanted = standard if named in _AS_STANDARD else _TIERS.get(named)
        if tier == wanted:
            return named
    if tier == standard:
        return STANDARD
    return _CLASSES.get(tier, STANDARD)
