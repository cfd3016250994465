"""What may a page of another origin read? Asked of a real browser, which is the only judge of it."""

import pytest

FETCH = """async ([url, options]) => {
    try {
        const answer = await fetch(url, options);
        const body = await answer.text();
        return {status: answer.status, body, headers: Object.fromEntries(answer.headers)};
    } catch (error) {
        return {refused: String(error)};
    }
}"""
SHOW = """url => new Promise((shown, failed) => {
    const image = new Image();
    image.onload = () => shown(image.width);
    image.onerror = failed;
    image.src = url;
})"""
PUBLIC, PRIVATE = "public-bucket", "private-bucket"
CONTENT = b"0123456789" * 100


@pytest.fixture(scope="module", autouse=True)
def objects(s3):
    for bucket in (PUBLIC, PRIVATE):
        s3.put_object(Bucket=bucket, Key="data.bin", Body=CONTENT, Metadata={"colour": "blue"})


@pytest.fixture
def fetch(page, elsewhere, server):
    page.goto(elsewhere)

    def ask(path, **options):
        return page.evaluate(FETCH, [server.endpoint + path, options])

    return ask


def test_a_page_reads_a_range_of_a_public_bucket_and_what_it_needs_to_know_of_it(fetch):
    got = fetch(f"/{PUBLIC}/data.bin", headers={"Range": "bytes=10-19"})
    assert (got["status"], got["body"]) == (206, "0123456789")
    headers = got["headers"]
    assert headers["content-range"] == "bytes 10-19/1000"
    assert (headers["content-length"], headers["accept-ranges"]) == ("10", "bytes")
    assert headers["etag"].startswith('"')
    assert headers["x-amz-meta-colour"] == "blue"


def test_a_request_that_takes_a_preflight_is_allowed_too(fetch):
    etag = fetch(f"/{PUBLIC}/data.bin", method="HEAD")["headers"]["etag"]
    asked = {"Range": "bytes=-5", "If-Match": etag, "X-Requested-With": "a reader"}
    got = fetch(f"/{PUBLIC}/data.bin", headers=asked)
    assert (got["status"], got["body"]) == (206, "56789")
    changed = fetch(f"/{PUBLIC}/data.bin", headers={"If-Match": '"another"', "Range": "bytes=0-3"})
    assert changed["status"] == 412
    assert "PreconditionFailed" in changed["body"]


def test_a_page_reads_errors_and_listings_of_a_public_bucket(fetch):
    absent = fetch(f"/{PUBLIC}/.zarray")
    assert absent["status"] == 404
    assert "NoSuchKey" in absent["body"]
    assert fetch(f"/{PUBLIC}/data.bin", headers={"Range": "bytes=5000-"})["status"] == 416
    assert "data.bin" in fetch(f"/{PUBLIC}?list-type=2&prefix=d")["body"]


def test_a_page_writes_nothing_to_a_public_bucket_and_reads_nothing_of_a_private_one(fetch):
    assert "refused" in fetch(f"/{PUBLIC}/data.bin", method="PUT", body="x")
    assert "refused" in fetch(f"/{PRIVATE}/data.bin")
    assert "refused" in fetch(f"/{PRIVATE}/data.bin", headers={"Range": "bytes=0-9", "X-Requested-With": "a reader"})


def test_a_presigned_url_works_from_a_page_once_the_bucket_has_rules(fetch, s3, server, elsewhere):
    sent = {"Bucket": PRIVATE, "Key": "from-the-page"}
    path = s3.generate_presigned_url("put_object", Params=sent).removeprefix(server.endpoint)
    assert "refused" in fetch(path, method="PUT", body="hello")
    rule = {"AllowedOrigins": [elsewhere], "AllowedMethods": ["PUT", "GET"], "ExposeHeaders": ["ETag"]}
    s3.put_bucket_cors(Bucket=PRIVATE, CORSConfiguration={"CORSRules": [rule | {"AllowedHeaders": ["content-type"]}]})
    try:
        put = fetch(path, method="PUT", body="hello")
        assert (put["status"], put["headers"]["etag"]) == (200, '"5d41402abc4b2a76b9719d911017c592"')
        assert "refused" in fetch(path, method="PUT", body="hello", headers={"X-Other": "1"})
        denied = fetch(f"/{PRIVATE}/data.bin")
        assert denied["status"] == 403
        assert "AccessDenied" in denied["body"]
    finally:
        s3.delete_bucket_cors(Bucket=PRIVATE)


def test_an_image_that_was_loaded_before_does_not_keep_a_page_from_reading_it(page, elsewhere, server, s3):
    s3.put_object(
        Bucket=PUBLIC, Key="dot.svg", ContentType="image/svg+xml", CacheControl="max-age=3600",
        Body=b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>',
    )  # fmt: skip
    page.goto(elsewhere)
    url = f"{server.endpoint}/{PUBLIC}/dot.svg"
    assert page.evaluate(SHOW, url) == 1
    assert page.evaluate(FETCH, [url, {}])["status"] == 200
