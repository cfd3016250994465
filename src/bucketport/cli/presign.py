"""x?"""


def presign() -> None:
    """x"""
