from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

View = Callable[[HttpRequest], HttpResponseBase] | Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def identify(get_response: View) -> View:
    """Say in every response which process answered, so that a deployment can be watched from outside.

    It comes in both colours because a sync-only middleware would cost every async view a thread.
    """
    if iscoroutinefunction(get_response):

        async def middleware(request: HttpRequest) -> HttpResponseBase:
            return _stamp(await get_response(request))
    else:

        def middleware(request: HttpRequest) -> HttpResponseBase:
            return _stamp(get_response(request))

    return middleware


def _stamp(response: HttpResponseBase) -> HttpResponseBase:
    response["X-Release"] = settings.RELEASE
    response["X-Interface"] = settings.INTERFACE
    response["X-Instance"] = settings.INSTANCE
    return response
