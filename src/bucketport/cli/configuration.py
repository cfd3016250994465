"""x?"""


def config() -> None:
    """x"""
