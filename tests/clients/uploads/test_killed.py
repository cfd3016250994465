"""Does SIGKILL at any moment cost a client more than a repetition? Nothing that was answered is lost, nothing stays."""

import concurrent.futures
import hashlib
import http.client
import json
import queue
import random
import signal
import threading

SEED = 20_261_122
CHUNKS = 4
KILLS = 5


class Uploading:
    """A client that uploads in chunks and goes on after whatever happens. `urls` are asked for before."""

    def __init__(self, place, number, up, answered):
        self.random = random.Random(f"{SEED} {number}")
        self.place, self.key, self.up, self.answered = place, f"file {number}", up, answered
        self.chunks = [self.random.randbytes(self.random.choice((100, 50_000, 300_000))) for _ in range(CHUNKS)]
        self.digest = hashlib.sha256(b"".join(self.chunks)).hexdigest()
        client = place.client()
        self.url = client.minted("upload", self.key)
        client.close()
        self.broken = 0

    def run(self):
        client = self.place.client()
        for index in self.random.sample(range(CHUNKS), CHUNKS):
            assert self._ask(client, self.chunks[index], X_Chunk_Index=index + 1)["chunk_index"] == index + 1
        merged = self._ask(client, None, X_Chunk_Merge="true")
        assert merged["bytes_written"] == sum(map(len, self.chunks))
        assert self._ask(client, None, X_Chunk_Merge="true") == merged
        client.close()
        return self.key, self.digest

    def _ask(self, client, body, **headers):
        while True:
            self.up.wait(60)
            try:
                status, said = client.json(
                    "POST", self.url, body, X_Upload_Type="chunked", X_Chunk_Total=CHUNKS, **headers
                )
            except (OSError, http.client.HTTPException, json.JSONDecodeError):
                self.broken += 1
                continue
            if said.get("code") in ("OperationAborted", "InternalError", "ServiceUnavailable", "SlowDown"):
                continue
            assert status == 200, (SEED, self.key, said)
            self.answered.put(None)
            return said


def test_killed_at_random_moments(place):
    chance, up = random.Random(SEED), threading.Event()
    up.set()
    answered = queue.SimpleQueue()
    works = [Uploading(place, number, up, answered) for number in range(24)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        running = [pool.submit(work.run) for work in works]
        for _ in range(KILLS):
            for _ in range(chance.randint(3, 20)):
                answered.get(timeout=30)
            up.clear()
            place.process.send_signal(signal.SIGKILL)
            place.process.communicate()
            place.start()
            up.set()
        done = dict(each.result(60) for each in running)
    assert sum(work.broken for work in works) > 0
    s3 = place.s3()
    for key, digest in done.items():
        assert hashlib.sha256(s3.get_object(Bucket="photos", Key=key)["Body"].read()).hexdigest() == digest, (SEED, key)
    assert {each["Key"] for each in s3.list_objects_v2(Bucket="photos")["Contents"]} == set(done)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="photos")
    place.proven_sound()
    if place.behind is not None:
        place.behind.proven_sound()
