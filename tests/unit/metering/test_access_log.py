"""What does the log say of a request? One line, whatever a client put into it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketport.exchange import Exchange
from bucketport.metering.access_log import WAITING, AccessLog, json_line, line, redacted


def exchange(**more):
    made = Exchange(
        "ID1",
        1_763_720_000.123,
        100.0,
        method="GET",
        target="/photos/a/b",
        client="127.0.0.1",
        user_agent="aws-cli/2",
        operation="GetObject",
        bucket="photos",
        key="a/b",
        user="alice",
        access_key="KEY",
        reason="owner of the bucket",
        status=200,
        bytes_in=1,
        bytes_out=2,
        headed=100.001,
        ended=100.0025,
    )
    for name, value in more.items():
        setattr(made, name, value)
    return made


def test_a_line_says_what_was_asked_by_whom_and_what_came_of_it():
    assert line(exchange()) == (
        "2025-11-21T10:13:20.123Z ID1 200 GetObject photos/a/b alice(KEY) in=1 out=2 first=1.00ms total=2.50ms "
        '127.0.0.1 "GET /photos/a/b" "aws-cli/2"\n'
    )


def test_a_line_of_json_says_the_same():
    row = json.loads(json_line(exchange()))
    assert row["time"] == "2025-11-21T10:13:20.123Z"
    assert (row["bucket"], row["key"], row["user"], row["access_key"]) == ("photos", "a/b", "alice", "KEY")
    assert (row["bytes_in"], row["bytes_out"], row["first_byte"], row["total"]) == (1, 2, 0.001, 0.0025)
    assert row["reason"] == ""


def test_a_refusal_says_its_code_and_its_reason():
    refused = exchange(status=403, code="AccessDenied", reason='bob may not "read"')
    assert line(refused).endswith(' AccessDenied "bob may not \\"read\\""\n')
    assert json.loads(json_line(refused))["reason"] == 'bob may not "read"'


def test_an_answer_that_broke_off_is_told():
    assert line(exchange(aborted=True)).endswith(" aborted\n")
    assert json.loads(json_line(exchange(aborted=True)))["aborted"] is True


def test_time_spent_in_a_cloud_is_told():
    assert " upstream=250.00ms" in line(exchange(upstream=0.25))


def test_a_request_without_an_answer_has_a_line():
    assert " 0 - - - in=1 " in line(exchange(status=0, operation="-", bucket="", key="", access_key="", headed=0.0))


SIGNED = "/b/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=KEY%2F20261121&X-Amz-Signature=deadbeef"


@pytest.mark.parametrize(
    "query",
    [
        "X-Amz-Signature=deadbeef",
        "x-amz-signature=deadbeef&x=1",
        "x=1&X-Amz-Security-Token=deadbeef",
        "X-Amz-Signatur%65=deadbeef",
        "%58-Amz-Signature=deadbeef",
        "Signature=deadbeef&Expires=5",
        "sig=deadbeef&expires=5",
        "WebIdentityToken=deadbeef",
    ],
)
def test_what_opens_a_door_is_never_written(query):
    for written in (line(exchange(target=f"/b/k?{query}")), json_line(exchange(target=f"/b/k?{query}"))):
        assert "deadbeef" not in written
        assert "REDACTED" in written


def test_the_rest_of_a_presigned_url_is_written():
    assert redacted(SIGNED) == SIGNED.replace("deadbeef", "REDACTED")


def test_a_continuation_token_is_no_secret():
    assert redacted("/b?list-type=2&continuation-token=abc") == "/b?list-type=2&continuation-token=abc"


HOSTILE = st.text(
    st.one_of(st.sampled_from('\n\r\x1b"\\\x00\x7f\x85\u2028 é'), st.characters(codec="utf-8")), max_size=30
)


@pytest.mark.parametrize("before", ["", "/store"])
def test_an_upload_sessions_token_is_not_written(before):
    target = f"{before}/-/uploads/01a1fe.1795355090.S4-ee_NT2F/tus/1"
    assert redacted(target) == f"{before}/-/uploads/01a1fe.1795355090.REDACTED/tus/1"
    assert redacted(target + "?sig=x&a=b").endswith("REDACTED/tus/1?sig=REDACTED&a=b")
    assert redacted("/-/uploads/01a1fe/commit") == "/-/uploads/01a1fe/commit"
    assert "S4-ee_NT2F" not in line(exchange(target=target)) + json_line(exchange(target=target))


@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
def test_no_client_ends_a_line_or_changes_a_terminal(key, agent, target, method):
    made = exchange(key=key, user_agent=agent, target=target, method=method, user=key, access_key=agent)
    text = line(made)
    assert text.isascii()
    assert text[:-1].isprintable()
    assert text.endswith("\n")
    written = json_line(made)
    assert written.count("\n") == 1
    assert json.loads(written)["key"] == key


def test_lines_wait_for_each_other_and_are_written_once():
    written, later = [], []
    log = AccessLog("text", written.append, later.append)
    for _ in range(3):
        log.record(exchange())
    assert (len(later), written) == (1, [])
    later[0]()
    assert written == [line(exchange()).encode() * 3]
    log.flush()
    assert len(written) == 1


def test_many_lines_do_not_wait():
    written = []
    log = AccessLog("json", written.append, lambda work: None)
    for _ in range(WAITING):
        log.record(exchange())
    assert len(written) == 1
    assert written[0].count(b"\n") == WAITING
