"""The pages for people: ordinary sync Django, the same under WSGI and ASGI."""

from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse_lazy
from django.views.decorators.http import require_safe
from django.views.generic import CreateView, ListView

from store.forms import OrderForm, UploadForm
from store.models import Order, Product, Upload

# Lists show only the newest rows: a load test leaves many behind.
NEWEST = 20


class ProductList(ListView):
    model = Product


class OrderCreate(CreateView):
    model = Order
    form_class = OrderForm
    success_url = reverse_lazy("orders")

    def get_initial(self) -> dict[str, Any]:
        return {"product": self.request.GET.get("product")}


class OrderList(ListView):
    queryset = Order.objects.select_related("product")[:NEWEST]


class UploadCreate(CreateView):
    model = Upload
    form_class = UploadForm
    success_url = reverse_lazy("upload")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(uploads=Upload.objects.all()[:NEWEST], **kwargs)


@require_safe
def chat(request: HttpRequest, room: str) -> HttpResponse:
    """The page can tell visitors when chat is off: it knows whether it was asked for over ASGI."""
    return render(request, "store/chat.html", {"room": room, "websockets": isinstance(request, ASGIRequest)})
