"""How does a server begin and end, and what do other commands do beside it?"""

import http.client
import json
import signal
import socket
import ssl
import subprocess
import time

import pytest


def ask(running, method="GET", target="/-/health/ready", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)
    connection.request(method, target, headers=headers)
    answer = connection.getresponse()
    answer.content = answer.read()
    connection.close()
    return answer


def presigned(command, *words):
    code, out, err = command("presign", *words)
    assert code == 0, err
    return out.strip().partition("://")[2].partition("/")[2].join(("/", ""))


def test_the_first_start_makes_a_key_and_says_it_once(serve):
    first = serve()
    assert first.ready["access_key"]
    assert len(first.ready["secret_key"]) == 40
    assert first.stop()[0] == 0
    second = serve()
    assert second.ready["access_key"] == first.ready["access_key"]
    assert "secret_key" not in second.ready


def test_a_person_gets_lines_to_paste(folder):
    import os
    import sys

    process = subprocess.Popen(
        [sys.executable, "-c", "from bucketport.cli.main import run; run()", "serve", "--listen", "127.0.0.1:0"],
        cwd=folder,
        stderr=subprocess.PIPE,
        env=os.environ,
    )
    lines = []
    while not lines or not lines[-1].startswith("Stop it"):
        lines.append(process.stderr.readline().decode())
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    text = "".join(lines)
    for part in ("export AWS_ACCESS_KEY_ID=", "aws --endpoint-url http://127.0.0.1:", "boto3.client(", "rclone config"):
        assert part in text


def test_a_given_key_is_not_said_again(serve):
    running = serve(MINIO_ROOT_USER="root-user", MINIO_ROOT_PASSWORD="root-password")
    assert running.ready["access_key"] == "root-user"
    assert "secret_key" not in running.ready


def test_buckets_are_made_at_start_and_public_ones_can_be_read(serve, command):
    running = serve("--bucket", "photos", "--public", "site")
    assert ask(running, target="/site/").status == 200
    assert ask(running, target="/photos/").status == 403
    rows = json.loads(command("buckets", "list", "--json")[1])
    assert [(row["name"], row["owner"]) for row in rows] == [("photos", "admin"), ("site", "admin")]


def test_buckets_are_made_and_removed_through_a_server_that_runs(serve, command):
    serve()
    assert command("buckets", "create", "photos")[0] == 0
    assert [row["name"] for row in json.loads(command("buckets", "list", "--json")[1])] == ["photos"]
    assert command("buckets", "remove", "photos")[0] == 0
    code, _, err = command("buckets", "remove", "photos")
    assert code == 1
    assert err == "bucketport: The server answers 404: The specified bucket does not exist\n"


def test_a_server_that_was_killed_is_not_waited_for(serve, command, folder):
    import os

    running = serve()
    text = (folder / "bucketport-data/server.json").read_text()
    running.process.kill()
    running.process.wait()
    # As if its number had been given to another process since.
    text = text.replace(str(running.process.pid), str(os.getpid()))
    (folder / "bucketport-data/server.json").write_text(text)
    assert command("buckets", "create", "photos")[0] == 0


def test_a_key_works_from_the_second_it_is_made_to_the_second_it_is_disabled(serve, command):
    running = serve("--bucket", "photos")
    command("keys", "create", "--access-key", "NEW")
    target = presigned(command, "s3://photos", "--access-key", "NEW")
    assert eventually(lambda: ask(running, target=target).status == 200)
    command("keys", "disable", "NEW")
    assert eventually(lambda: ask(running, target=target).status == 403)


def eventually(holds, seconds=10.0):
    """Another process' change comes within a second: ask until it is there."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
    return False


def test_a_presigned_url_is_for_the_server_that_runs(serve, command):
    running = serve("--bucket", "photos")
    assert ask(running, "PUT", presigned(command, "PUT", "s3://photos/a b")).status == 200
    assert ask(running, "GET", presigned(command, "s3://photos/a b")).status == 200


def test_each_request_is_a_line_on_standard_output(serve):
    running = serve("--log-format", "json")
    ask(running, target="/photos/k?X-Amz-Signature=deadbeef")
    code, out, err = running.stop()
    (row,) = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert (row["kind"], row["status"], row["bucket"]) == ("request", 400, "photos")
    assert "deadbeef" not in out + err


def test_a_data_folder_has_one_server(serve, command):
    running = serve()
    code, _, err = command("serve", "--listen", "127.0.0.1:0")
    assert code == 4
    assert f"(process {running.process.pid})" in err
    assert command("fsck")[0] == 4


def test_an_address_has_one_server(serve, command):
    running = serve()
    code, _, err = command("serve", "--listen", f"127.0.0.1:{running.port}", "--data", "other")
    assert code == 3
    assert "Address already in use" in err


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_running_requests_finish(serve, command, how):
    running = serve("--bucket", "photos")
    target = presigned(command, "PUT", "s3://photos/slow")
    with socket.create_connection(("127.0.0.1", running.port), timeout=20) as client:
        head = f"PUT {target} HTTP/1.1\r\nHost: 127.0.0.1:{running.port}\r\nContent-Length: 6\r\n\r\n"
        client.sendall(head.encode() + b"abc")
        assert eventually(lambda: reading(running, "bucketport_requests_in_flight") == 2)
        running.process.send_signal(how)
        assert eventually(lambda: refuses(running))
        client.sendall(b"def")
        assert client.recv(1000).startswith(b"HTTP/1.1 200 OK")
    assert running.process.wait(30) == 0


def reading(running, name):
    text = ask(running, target="/-/metrics").content.decode()
    return float(text.partition(f"\n{name} ")[2].split()[0])


def refuses(running):
    try:
        socket.create_connection(("127.0.0.1", running.port), timeout=20).close()
    except ConnectionError:
        return True
    return False


def signalled_again(running):
    """Whether it has ended; told once more when it has not."""
    if running.process.poll() is None:
        running.process.send_signal(signal.SIGTERM)
    return running.process.poll() is not None


def test_a_signal_that_comes_twice_is_one(serve):
    running = serve()
    running.process.send_signal(signal.SIGTERM)
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(30) == 0


def test_a_second_signal_ends_it_at_once(serve, command):
    running = serve("--bucket", "photos")
    target = presigned(command, "PUT", "s3://photos/slow")
    with socket.create_connection(("127.0.0.1", running.port), timeout=20) as client:
        head = f"PUT {target} HTTP/1.1\r\nHost: 127.0.0.1:{running.port}\r\nContent-Length: 6\r\n\r\n"
        client.sendall(head.encode() + b"abc")
        assert eventually(lambda: reading(running, "bucketport_requests_in_flight") == 2)
        running.process.send_signal(signal.SIGTERM)
        assert eventually(lambda: refuses(running))
        assert eventually(lambda: signalled_again(running))
        assert running.process.wait(30) == 1
    assert serve().stop()[0] == 0


@pytest.fixture
def certificates(folder):
    """Make PEM files of a self-signed certificate: a function of their name, which is the certificate's too."""
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    def make(common_name):
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        now = datetime.datetime.now(datetime.UTC)
        draft = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        draft = draft.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
        made = draft.not_valid_after(now + datetime.timedelta(days=1)).sign(key, hashes.SHA256())
        pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        (folder / "cert.pem").write_bytes(made.public_bytes(pem))
        (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
        return made.public_bytes(serialization.Encoding.DER)

    return make


def shown(running):
    """The certificate that the server shows now."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", running.port), timeout=20) as plain:
        with context.wrap_socket(plain) as client:
            return client.getpeercert(binary_form=True)


def test_a_certificate_is_read_again(serve, certificates, command, folder):
    first = certificates("first")
    running = serve("--tls-cert", "cert.pem", "--tls-key", "key.pem")
    assert running.url.startswith("https://127.0.0.1:")
    assert shown(running) == first
    assert command("buckets", "create", "photos")[0] == 0
    second = certificates("second")
    running.process.send_signal(signal.SIGHUP)
    assert eventually(lambda: shown(running) == second)
    (folder / "key.pem").write_text("nothing")
    running.process.send_signal(signal.SIGHUP)
    assert "the old certificate stays" in running.next_event()
    assert shown(running) == second


def test_a_changed_configuration_comes_into_force(serve, folder):
    config = folder / "config.toml"
    config.write_text('[server]\nlisten = "127.0.0.1:0"\n[store]\nbuckets = ["photos"]\n')
    running = serve("--config", "config.toml")
    assert ask(running, target="/photos/").status == 403
    config.write_text('[server]\nlisten = "127.0.0.1:0"\n[store]\npublic = ["photos"]\n')
    running.process.send_signal(signal.SIGHUP)
    assert "the configuration config.toml is in force" in running.next_event()
    assert ask(running, target="/photos/").status == 200


def test_a_changed_file_is_noticed_without_a_signal(serve, folder):
    config = folder / "config.toml"
    config.write_text('[server]\nlisten = "127.0.0.1:0"\n[store]\nbuckets = ["photos"]\n')
    running = serve("--config", "config.toml")
    config.write_text('[server]\nlisten = "127.0.0.1:0"\n[store]\npublic = ["photos"]\n')
    assert "the configuration config.toml is in force" in running.next_event()
    assert ask(running, target="/photos/").status == 200


def test_a_bad_configuration_changes_nothing(serve, folder):
    config = folder / "config.toml"
    config.write_text('[server]\nlisten = "127.0.0.1:0"\n[store]\npublic = ["photos"]\n')
    running = serve("--config", "config.toml")
    config.write_text("[server]\nlistn = 5\n")
    running.process.send_signal(signal.SIGHUP)
    said = running.next_event()
    assert "the old configuration stays: config.toml:2: server.listn: unknown setting; did you mean listen?" in said
    assert ask(running, target="/photos/").status == 200
    assert reading(running, "bucketport_config_refusals_total") >= 1
    assert running.stop()[0] == 0
