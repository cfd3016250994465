"""What do CORS rules say? Values, as S3's XML has them, and as JSON in the form that the AWS CLI takes.

The XML is a stranger's, and what is exposed goes into headers of answers: it is held to what a header may be called.
Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ManageCorsUsing.html (checked 2026-11)
"""

import json
import re
from collections.abc import Sequence

from bucketport.errors import InvalidArgument, InvalidRequest, MalformedXML
from bucketport.record import record
from bucketport.wire.xml import Node, escape, parse

RULES = 100
"""Most rules of a bucket. Source: AWS PutBucketCors."""

METHODS = ("GET", "PUT", "HEAD", "POST", "DELETE")
"""What an AllowedMethod may be. Source: AWS PutBucketCors."""

_ID = 255
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+\Z")
"""What a header may be called. Source: RFC 9110 section 5.6.2."""


@record
class Rule:
    """One CORSRule. `origins`, `methods` and `headers` may hold `*`, also within a text.

    `exposed` are answer headers that a page may read. `max_age` is seconds; None: the browser decides.
    """

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    max_age: int | None = None
    id: str = ""


def read_xml(body: bytes) -> tuple[Rule, ...]:
    """The rules of a CORSConfiguration. Raises: MalformedXML, InvalidRequest, InvalidArgument, as S3 words them."""
    nodes = parse(body, "CORSConfiguration").all("CORSRule")
    if not nodes:
        raise MalformedXML
    if len(nodes) > RULES:
        raise InvalidRequest(f"The number of CORS rules should not exceed allowed limit of {RULES} rules.")
    return tuple(_rule(node) for node in nodes)


def _rule(node: Node) -> Rule:
    rule = Rule(
        _texts(node, "AllowedOrigin"),
        _texts(node, "AllowedMethod"),
        _texts(node, "AllowedHeader"),
        _texts(node, "ExposeHeader"),
        _seconds(node),
        node.value("ID").strip(),
    )
    if not rule.origins or not rule.methods or not all((*rule.origins, *rule.headers, *rule.exposed)):
        raise MalformedXML
    _check(rule)
    return rule


def _check(rule: Rule) -> None:
    """Raises: InvalidRequest, InvalidArgument for what S3 does not take."""
    for method in rule.methods:
        if method not in METHODS:
            raise InvalidRequest(
                f"Found unsupported HTTP method in CORS config. Unsupported method is {method[:50]}",
            )
    for name, texts in (("AllowedOrigin", rule.origins), ("AllowedHeader", rule.headers)):
        for text in texts:
            if text.count("*") > 1:
                raise InvalidRequest(f'{name} "{text[:200]}" can not have more than one wildcard.')
    for text in rule.exposed:
        if "*" in text:
            raise InvalidRequest(
                f'ExposeHeader "{text[:200]}" contains wildcard. We currently do not support wildcard for ExposeHeader.'
            )
        if not _TOKEN.match(text):
            raise InvalidRequest(f'ExposeHeader "{text[:200]}" is not the name of a header.')
    if len(rule.id) > _ID:
        raise InvalidArgument(
            f"The ID of a CORS rule has at most {_ID} characters",
            fields={"ArgumentName": "ID", "ArgumentValue": rule.id[:200]},
        )


def _texts(node: Node, name: str) -> tuple[str, ...]:
    return tuple(child.text.strip() for child in node.all(name))


def _seconds(node: Node) -> int | None:
    text = node.value("MaxAgeSeconds").strip()
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or int(text[:11]) > 2147483647:
        raise MalformedXML
    return int(text)


def to_xml(rules: Sequence[Rule]) -> str:
    """What stands within a CORSConfiguration."""
    return "".join(f"<CORSRule>{_to_xml(rule)}</CORSRule>" for rule in rules)


def _to_xml(rule: Rule) -> str:
    parts = [("ID", rule.id)] if rule.id else []
    parts += [("AllowedMethod", text) for text in rule.methods]
    parts += [("AllowedOrigin", text) for text in rule.origins]
    parts += [("AllowedHeader", text) for text in rule.headers]
    parts += [("ExposeHeader", text) for text in rule.exposed]
    if rule.max_age is not None:
        parts.append(("MaxAgeSeconds", str(rule.max_age)))
    return "".join(f"<{name}>{escape(text)}</{name}>" for name, text in parts)


def to_json(rules: Sequence[Rule]) -> str:
    """The rules as text that `read_json` takes: `aws s3api put-bucket-cors` takes it too."""
    made = []
    for rule in rules:
        row: dict[str, object] = {"AllowedOrigins": rule.origins, "AllowedMethods": rule.methods}
        if rule.headers:
            row["AllowedHeaders"] = rule.headers
        if rule.exposed:
            row["ExposeHeaders"] = rule.exposed
        if rule.max_age is not None:
            row["MaxAgeSeconds"] = rule.max_age
        if rule.id:
            row["ID"] = rule.id
        made.append(row)
    return json.dumps({"CORSRules": made}, separators=(",", ":"))


def read_json(text: str) -> tuple[Rule, ...]:
    """The rules that `to_json` wrote. Raises: ValueError, KeyError, TypeError for anything else."""
    return tuple(
        Rule(
            tuple(row["AllowedOrigins"]),
            tuple(row["AllowedMethods"]),
            tuple(row.get("AllowedHeaders", ())),
            tuple(row.get("ExposeHeaders", ())),
            row.get("MaxAgeSeconds"),
            row.get("ID", ""),
        )
        for row in json.loads(text)["CORSRules"]
    )
