"""What does an operator see of what was uploaded? Counts, buckets and objects, to whoever has an API key for them."""

from bucketport.api.uploads.answers import answer
from bucketport.api.uploads.context import Route, Routes, UploadContext, Way
from bucketport.message import Response


async def health(context: UploadContext) -> Response:
    """It is alive."""
    return answer(200, {"success": True, "message": "ok"}, {"Cache-Control": "no-store"})


ROUTES: Routes = {
    ("GET", "/healthz"): Route("Health", Way.OPEN, health),
}
"""The paths of this module."""
