"""Does the example page get a file into the store, whatever comes between? In Chromium, through a proxy that is cut."""

import hashlib

import pytest

MIB = 1 << 20
SIZE = 12 * MIB + 12345
SENT = "document.getElementById('progress').value"
WAYS = ["tus", "parts"]


class Visit:
    """A user at the page, with a file on their disk."""

    def __init__(self, page, app, file):
        self.page, self.file = page, file
        self.network = page.context.new_cdp_session(page)
        page.goto(app.url)

    def throttle(self, mib_a_second):
        """Sending gets slow; 0: as fast as it goes."""
        rate = int(mib_a_second * MIB) or -1
        conditions = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": rate}
        self.network.send("Network.enable")
        self.network.send("Network.emulateNetworkConditions", conditions)

    def choose(self, way):
        self.page.check(f"input[value={way}]")
        self.page.set_input_files("#file", self.file)

    def wait_for(self, share):
        self.page.wait_for_function(f"{SENT} >= {share}", timeout=20_000)

    def says(self, text):
        self.page.wait_for_function(
            "text => document.getElementById('status').textContent.includes(text)", arg=text, timeout=40_000
        )

    def key(self):
        """The key of the object, once the page shows it."""
        self.says("Done.")
        return self.page.locator("#made dd").nth(1).text_content()


@pytest.fixture
def file(tmp_path, content):
    made = tmp_path / "holiday film.mp4"
    made.write_bytes(content(SIZE))
    return made


@pytest.fixture
def visit(page, app, file):
    made = Visit(page, app, file)
    yield made
    assert not page.said


def digest_of(file):
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize("way", WAYS)
def test_a_file_arrives_and_can_be_opened(visit, server, s3, file, way):
    visit.choose(way)
    key = visit.key()
    assert server.sha256(key) == digest_of(file)
    assert s3.head_object(Bucket="uploads", Key=key)["ContentType"] == "video/mp4"
    visit.page.wait_for_selector("#open:not([hidden])")
    link = visit.page.get_attribute("#open", "href")
    assert hashlib.sha256(visit.page.request.get(link).body()).hexdigest() == digest_of(file)
    assert visit.page.evaluate("localStorage.length") == 0


@pytest.mark.parametrize("way", WAYS)
def test_after_cut_connections_it_goes_on_where_it_was(visit, server, proxy, file, way):
    proxy.cut_after(5 * MIB)
    visit.choose(way)
    assert proxy.was_cut.wait(20)
    proxy.cut_after(4 * MIB)
    key = visit.key()
    assert proxy.cuts == 2
    assert server.sha256(key) == digest_of(file)
    # At each cut, what was on its way is sent again: four parts, or what the sockets held.
    assert proxy.up < SIZE + 2 * 5 * MIB


@pytest.mark.parametrize("way", WAYS)
def test_after_a_reload_it_goes_on_where_it_was(visit, server, proxy, file, way):
    visit.throttle(8)
    visit.choose(way)
    visit.wait_for(0.5)
    visit.page.reload()
    visit.page.wait_for_selector("#unfinished:not([hidden])")
    assert "holiday film.mp4" in visit.page.text_content("#list")
    visit.throttle(0)
    visit.choose(way)
    key = visit.key()
    assert server.sha256(key) == digest_of(file)
    assert proxy.up < SIZE + 5 * MIB
    assert visit.page.is_hidden("#unfinished")


@pytest.mark.parametrize("way", WAYS)
def test_on_a_slow_line_it_can_be_paused_and_goes_on(visit, server, file, way):
    visit.throttle(6)
    visit.choose(way)
    visit.wait_for(0.2)
    visit.page.click("#pause")
    visit.says("Paused.")
    assert visit.page.evaluate(SENT) < 1
    visit.throttle(0)
    visit.page.click("#resume")
    assert server.sha256(visit.key()) == digest_of(file)


def test_a_cancelled_upload_leaves_nothing_behind(visit, proxy, s3):
    visit.throttle(4)
    before = s3.list_multipart_uploads(Bucket="uploads").get("Uploads", [])
    visit.choose("parts")
    visit.wait_for(0.2)
    with visit.page.expect_response(lambda answer: answer.request.method == "DELETE") as gone:
        visit.page.click("#cancel")
    assert gone.value.status == 200
    assert visit.page.is_hidden("#task")
    assert visit.page.evaluate("localStorage.length") == 0
    assert s3.list_multipart_uploads(Bucket="uploads").get("Uploads", []) == before


@pytest.mark.parametrize("way", WAYS)
def test_a_session_that_is_gone_is_begun_anew(visit, server, file, way):
    visit.throttle(8)
    visit.choose(way)
    visit.wait_for(0.3)
    visit.page.click("#pause")
    visit.says("Paused.")
    kept = visit.page.evaluate("JSON.parse(Object.values(localStorage)[0]).session")
    assert visit.page.request.delete(kept).status == 200
    visit.throttle(0)
    visit.page.click("#resume")
    assert server.sha256(visit.key()) == digest_of(file)


@pytest.mark.parametrize("way", WAYS)
def test_an_empty_file_is_a_file(visit, server, file, way):
    file.write_bytes(b"")
    visit.choose(way)
    assert server.sha256(visit.key()) == hashlib.sha256(b"").hexdigest()
