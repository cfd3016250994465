"""What does borderless-storage's own configuration mean here? Its keys, variables and flags, each as a setting of ours.

They stand at the top level of its file, and in the environment under the same names in capitals. `DOMAIN` or `DATA_DIR`
may be in an environment for anybody's reasons, so there they count only for whoever asked for this API by its own key.
Source: https://github.com/borderless-tech/borderless-storage (README, read 2026-11)
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bucketport.config.lines import Path
from bucketport.config.sources import Given, convert, kind_at
from bucketport.config.trouble import UsageError

API_KEY = "presign_api_key"

KEY_NAME = "presign"
"""What its one API key is called in our list of keys."""


TABLE: Mapping[str, tuple[Path, ...]] = {
    "ip_addr": (("server", "listen"),),
    "data_dir": (("server", "data"),),
    "domain": (("uploads", "public_url"),),
    API_KEY: (("uploads", "keys"),),
    "presign_hmac_secret": (("uploads", "hmac_secrets"),),
    "cors_origins": (("uploads", "cors_origins"),),
    "ttl_orphan_secs": (("uploads", "orphan_seconds"),),
    "max_data_rq_size": (("uploads", "max_bytes"),),
    "max_presign_rq_size": (("uploads", "max_json_bytes"),),
    "rq_timeout_secs": (("limits", "body_idle_seconds"), ("uploads", "json_seconds")),
}
"""All of them, with what each sets here. A `domain` without a scheme is one of `server.domains`."""


def settings_of(name: str, value: Any, place: str) -> list[Given]:
    """Our settings for one of theirs. Raises: ValueError that says what was expected."""
    if name == API_KEY:
        return [Given(("uploads", "keys"), {"name": KEY_NAME, "key": value}, place, appends=True)]
    if name == "domain" and isinstance(value, str) and "://" not in value:
        return [Given(("server", "domains"), [value], place)]
    return [
        Given(path, convert(value, kind_at(path)) if isinstance(value, str) else value, place) for path in TABLE[name]
    ]


def of_file(data: dict[str, Any], place: Callable[[str], str], wrong: Callable[[str, str], None]) -> list[Given]:
    """Take them from the file's top level. `wrong` is told the name and the trouble."""
    found = [(name, data.pop(name)) for name in TABLE if name in data]
    given = []
    for name, value in found:
        try:
            settings = settings_of(name, value, place(name))
        except ValueError as error:
            wrong(name, str(error))
            continue
        for setting in settings:
            if not setting.appends and _is_there(data, setting.path):
                ours = ".".join(map(str, setting.path))
                wrong(name, f"means the same as {ours}, which the file has too: give one of them")
        given += settings
    return given


def of_environment(
    environment: Mapping[str, str], others: Iterable[Given], wrong: Callable[[str, Path, str], None]
) -> list[Given]:
    """Those of the environment. `others` come from the file and from flags: a key among them counts as having asked."""
    said = [name for name in TABLE if environment.get(name.upper())]
    if API_KEY not in said and not any(setting.appends for setting in others):
        said = [name for name in said if name == "presign_hmac_secret"]  # the name is its own
    given = []
    for name in said:
        variable = name.upper()
        try:
            given += settings_of(name, environment[variable], f"environment {variable}")
        except ValueError as error:
            wrong(variable, TABLE[name][0], str(error))
    return given


def of_flags(flags: Mapping[str, str | None], others: Iterable[Given]) -> list[Given]:
    """Those that are given as flags, beside the flags `others`. Raises: UsageError."""
    ours = {setting.path: setting.place for setting in others}
    given: list[Given] = []
    for name, text in flags.items():
        if text is None:
            continue
        place = f"flag --{name.replace('_', '-')}"
        try:
            settings = settings_of(name, text, place)
        except ValueError as error:
            raise UsageError(f"{place.removeprefix('flag ')}: {error}.") from error
        for setting in settings:
            if setting.path in ours:
                raise UsageError(f"{place} and {ours[setting.path]} mean the same: give one of them.")
        given += settings
    return given


def _is_there(data: Mapping[str, Any], path: Path) -> bool:
    table = data.get(str(path[0]))
    return isinstance(table, dict) and path[1] in table
