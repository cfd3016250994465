"""Do 32 clients at once get what they sent, whatever breaks off, repeats and collides? Is nothing left after them?"""

import concurrent.futures
import hashlib
import random
import threading
import time

SEED = 20_261_121
CHUNKS = 10


class Work:
    """What one client uploads in chunks: its own content, or one that others upload too, cut elsewhere."""

    def __init__(self, number, least, most):
        self.random = random.Random(f"{SEED} {number}")
        shared = random.Random(f"{SEED} shared {number % 4}") if number % 2 else self.random
        self.key = f"file {number}"
        self.content = shared.randbytes(shared.randint(CHUNKS * least, CHUNKS * most))
        ends = sorted(self.random.sample(range(1, len(self.content)), CHUNKS - 1))
        self.chunks = [
            self.content[start:stop] for start, stop in zip([0, *ends], [*ends, len(self.content)], strict=True)
        ]

    def orders(self):
        """Numbers of chunks: each at least once, some again, in any order."""
        numbers = [*range(CHUNKS), *(self.random.randrange(CHUNKS) for _ in range(3))]
        self.random.shuffle(numbers)
        return numbers


def in_threads(works):
    """Run all at once; the first error is this test's."""
    with concurrent.futures.ThreadPoolExecutor(len(works)) as pool:
        waiting = [pool.submit(*work) for work in works]
        return [each.result(60) for each in waiting]


def until_it_is_done(client, url, **headers):
    """The answer of a commit. What is staged for a cloud is committed by one request at a time."""
    while True:
        status, said = client.json("POST", url, **headers)
        if said.get("code") != "OperationAborted":
            return status, said
        time.sleep(0.02)  # it says when to come again: in a second; that is long for a test


def upload(place, work, counts):
    """Send all chunks, badly; merge twice at once."""
    first, second = place.client(), place.client()
    url = first.minted("upload", work.key)

    def send(client, index, content):
        status, said = client.json(
            "POST", url, content, X_Upload_Type="chunked", X_Chunk_Index=index + 1, X_Chunk_Total=CHUNKS
        )
        assert (status, said["bytes_written"]) == (200, len(content)), said
        counts["chunks"] += 1

    def merge(client):
        merging = {"X_Upload_Type": "chunked", "X_Chunk_Merge": "true", "X_Chunk_Total": CHUNKS}
        return until_it_is_done(client, url, **merging)

    sent = set()
    for index in work.orders():
        chunk, chance = work.chunks[index], work.random.random()
        if chance < 0.2:  # breaks off; what was there of that number stays
            first.cut("POST", url, chunk + b"?", work.random.random(), X_Upload_Type="chunked", X_Chunk_Index=index + 1,
                      X_Chunk_Total=CHUNKS)  # fmt: skip
            counts["cuts"] += 1
        elif chance < 0.4:  # two connections send the same number at once, one of them nonsense
            other = threading.Thread(target=send, args=(second, index, bytes(reversed(chunk))))
            other.start()
            send(first, index, chunk)
            other.join()
            counts["collisions"] += 1
        elif chance < 0.45 and len(sent) < CHUNKS:
            status, said = merge(first)
            assert (status, len(said["missing"])) == (400, CHUNKS - len(sent)), said
            counts["early merges"] += 1
        send(first, index, chunk)
        sent.add(index)
    answers = in_threads([(merge, first), (merge, second)])
    assert answers[0] == answers[1], answers
    assert (answers[0][0], answers[0][1]["bytes_written"]) == (200, len(work.content)), answers
    first.close()
    second.close()


def check(place, keys, s3):
    """Each object is what it should be by S3 and by a download URL; no upload is open."""
    client = place.client()
    for key, digest in keys.items():
        assert hashlib.sha256(s3.get_object(Bucket="photos", Key=key)["Body"].read()).hexdigest() == digest, (SEED, key)
        status, _, content = client.ask("GET", client.minted("download", key))
        assert (status, hashlib.sha256(content).hexdigest()) == (200, digest), (SEED, key)
    client.close()
    assert {each["Key"] for each in s3.list_objects_v2(Bucket="photos")["Contents"]} == set(keys)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="photos")


def exact_stats(place):
    """The statistics, once all contents were compared with each other."""
    client, deadline = place.client(), time.monotonic() + 20
    while time.monotonic() < deadline:
        said = client.json("GET", "/admin/stats", Authorization="Bearer uploads-tests-api-key")[1]
        if said["exact"]:
            return said["stats"]
        time.sleep(0.05)  # merging goes on beside requests and tells nobody
    raise AssertionError(said)


def test_chunks_of_many_clients(place):
    # A gateway's cloud wants parts of 5 MiB where they are its own; what is staged here may be of any size.
    works = [
        Work(number, 100, 40_000 if place.behind is None else 8_000)
        for number in range(32 if place.behind is None else 12)
    ]
    counts = dict.fromkeys(("chunks", "cuts", "collisions", "early merges"), 0)
    in_threads([(upload, place, work, counts) for work in works])
    assert all(counts.values()), counts
    digests = {work.key: hashlib.sha256(work.content).hexdigest() for work in works}
    check(place, digests, place.s3())
    if place.behind is None:
        different = {digest: len(work.content) for work, digest in zip(works, digests.values(), strict=True)}
        stats = exact_stats(place)
        assert stats["total_objects"] == len(works)
        assert stats["unique_content_count"] == len(different)
        assert stats["total_logical_size"] == sum(len(work.content) for work in works)
        assert stats["actual_storage_size"] == sum(different.values())
    place.proven_sound()
    if place.behind is not None:
        place.behind.proven_sound()


def lane(place, tus, content, chance):
    """Fill a partial upload by tus over connections that break off; its URL."""
    client = place.client()
    spoken = {"Tus_Resumable": "1.0.0"}
    status, headers, _ = client.ask("POST", tus, b"", Upload_Length=len(content), Upload_Concat="partial", **spoken)
    assert status == 201
    url, offset = headers["Location"], 0
    patched = {"Content_Type": "application/offset+octet-stream"} | spoken
    while offset < len(content):
        piece = content[offset : offset + chance.randint(1, len(content))]
        if chance.random() < 0.5:
            client.cut("PATCH", url, piece, chance.random(), Upload_Offset=offset, **patched)
        else:
            status, _, said = client.ask("PATCH", url, piece, Upload_Offset=offset, **patched)
            assert status in (204, 409, 423), said  # what was cut is being stored still
        offset = int(client.ask("HEAD", url, **spoken)[1]["Upload-Offset"])
    client.close()
    return url


def session(place, number):
    """An upload session whose content comes in three lanes at once."""
    chance = random.Random(f"{SEED} tus {number}")
    pieces = [chance.randbytes(chance.randint(1, 150_000)) for _ in range(3)]
    content = b"".join(pieces)
    client = place.client()
    asked = {"bucket": "photos", "key": f"tus {number}", "size": len(content)}
    asked["sha256"] = hashlib.sha256(content).hexdigest()
    status, said = client.json("POST", "/-/uploads", asked)
    assert status == 201, said
    tus = said["tus"]["url"]
    urls = in_threads(
        [(lane, place, tus, piece, random.Random(f"{SEED} {number} {at}")) for at, piece in enumerate(pieces)]
    )
    concat = f"final;{' '.join(urls)}"
    assert client.ask("POST", tus, Upload_Concat=concat, Tus_Resumable="1.0.0")[0] == 201
    other = place.client()
    answers = in_threads([(until_it_is_done, each, said["commit_url"]) for each in (client, other)])
    assert answers[0] == answers[1], answers
    assert answers[0][0] == 200, answers
    client.close()
    other.close()
    return asked["key"], asked["sha256"]


def test_lanes_of_many_sessions(place):
    keys = dict(in_threads([(session, place, number) for number in range(8)]))
    check(place, keys, place.s3())
    place.proven_sound()
    if place.behind is not None:
        place.behind.proven_sound()
