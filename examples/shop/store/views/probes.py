"""Small JSON views which a deployment and its load tests measure."""

import asyncio
import hashlib
import logging

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponseBadRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from store.models import Product

logger = logging.getLogger(__name__)

CHUNK = 64 * 1024
SLOW_LIMIT = 10.0


@require_safe
@never_cache
def health(request: HttpRequest) -> HttpResponseBase:
    """Healthy means able to serve pages, and those need the database."""
    code = settings.HEALTH_STATUS
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        logger.exception("The database does not answer")
        code = 503
    return JsonResponse({"status": "ok" if code == 200 else "error", **_identity()}, status=code)


@require_safe
def sync_probe(request: HttpRequest) -> HttpResponseBase:
    return JsonResponse({"view": "sync", **_identity()})


@require_safe
async def async_probe(request: HttpRequest) -> HttpResponseBase:
    """Waits for three things at once, so it takes as long as the slowest of them rather than their sum."""
    _, _, products = await asyncio.gather(asyncio.sleep(0.05), asyncio.sleep(0.05), Product.objects.acount())
    return JsonResponse({"view": "async", "products": products, **_identity()})


@require_safe
async def slow(request: HttpRequest) -> HttpResponseBase:
    """A request still under way during a restart: it must be allowed to finish."""
    try:
        seconds = float(request.GET.get("seconds", "3"))
    except ValueError:
        return HttpResponseBadRequest("seconds must be a number", content_type="text/plain")
    seconds = min(max(0.0, seconds), SLOW_LIMIT)
    await asyncio.sleep(seconds)
    return JsonResponse({"view": "slow", "seconds": seconds, **_identity()})


@csrf_exempt
@require_POST
def echo(request: HttpRequest) -> HttpResponseBase:
    """Reads in chunks, for a large body must neither fill the memory nor hit DATA_UPLOAD_MAX_MEMORY_SIZE.

    It also tells who asked, as the project sees it.
    """
    length, digest = 0, hashlib.sha256()
    while chunk := request.read(CHUNK):
        length += len(chunk)
        digest.update(chunk)
    asked = {"client": request.META.get("REMOTE_ADDR"), "scheme": request.scheme, "host": request.get_host()}
    asked |= {"id": request.headers.get("X-Request-ID", "")}
    told = {"length": length, "sha256": digest.hexdigest(), "type": request.content_type, "asked": asked}
    return JsonResponse({**told, **_identity()})


def _identity() -> dict[str, str]:
    return {"release": settings.RELEASE, "interface": settings.INTERFACE, "instance": settings.INSTANCE}
