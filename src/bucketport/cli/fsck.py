"""x?"""


def fsck() -> None:
    """x"""
