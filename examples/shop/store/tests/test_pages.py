from django.core.files.base import ContentFile
from django.test import AsyncClient, Client, TestCase
from django.urls import reverse

from store.models import Order, Product, Upload
from store.tests.base import isolated


@isolated
class ProductListTests(TestCase):
    def test_lists_the_seeded_products_with_one_query(self) -> None:
        with self.assertNumQueries(1):
            response = self.client.get("/")
        self.assertContains(response, "Enamel mug")
        self.assertContains(response, "€ 14.00")

    def test_leaves_no_cookie(self) -> None:
        """A page without cookies may be cached by anything in between."""
        self.assertFalse(self.client.get("/").cookies)


@isolated
class OrderTests(TestCase):
    def setUp(self) -> None:
        self.product = Product.objects.earliest("id")
        self.client = Client(enforce_csrf_checks=True)

    def order(self, **changes: object) -> dict[str, object]:
        token = self.client.get("/order/").cookies["csrftoken"].value
        return {"product": self.product.pk, "quantity": 2, "customer": "Ada", "csrfmiddlewaretoken": token, **changes}

    def test_link_from_the_list_chooses_the_product(self) -> None:
        response = self.client.get("/order/", {"product": self.product.pk})
        self.assertContains(response, f'<option value="{self.product.pk}" selected>{self.product}</option>', html=True)

    def test_valid_order_is_stored_and_listed(self) -> None:
        response = self.client.post("/order/", self.order(), follow=True)
        self.assertRedirects(response, "/orders/")
        self.assertContains(response, f"2 × {self.product} for Ada")

    def test_invalid_order_shows_the_form_again(self) -> None:
        response = self.client.post("/order/", self.order(quantity=0))
        self.assertContains(response, "greater than or equal to 1")
        self.assertFalse(Order.objects.exists())

    def test_missing_token_is_refused(self) -> None:
        response = self.client.post("/order/", self.order(csrfmiddlewaretoken=""))
        self.assertEqual(response.status_code, 403)
        self.assertFalse(Order.objects.exists())

    def test_order_list_needs_one_query(self) -> None:
        for _ in range(3):
            Order.objects.create(product=self.product, customer="Ada")
        with self.assertNumQueries(1):
            self.client.get("/orders/")


@isolated
class UploadTests(TestCase):
    def upload(self, name: str, **extra: str) -> dict[str, object]:
        return {"file": ContentFile(b"hello", name=name), **extra}

    def test_file_is_stored_and_linked(self) -> None:
        response = self.client.post("/upload/", self.upload("note.txt"), follow=True)
        self.assertRedirects(response, "/upload/")
        self.assertContains(response, 'href="/media/uploads/note.txt"')
        self.assertEqual(Upload.objects.get().file.read(), b"hello")

    def test_scripts_are_refused(self) -> None:
        for name in ("page.html", "image.svg"):
            with self.subTest(name):
                self.assertContains(self.client.post("/upload/", self.upload(name)), "not allowed")
        self.assertFalse(Upload.objects.exists())

    def test_token_is_required_and_accepted(self) -> None:
        client = Client(enforce_csrf_checks=True)
        token = client.get("/upload/").cookies["csrftoken"].value
        self.assertEqual(client.post("/upload/", self.upload("a.txt")).status_code, 403)
        response = client.post("/upload/", self.upload("a.txt", csrfmiddlewaretoken=token))
        self.assertRedirects(response, "/upload/")


@isolated
class ChatPageTests(TestCase):
    def test_explains_itself_under_wsgi(self) -> None:
        response = self.client.get(reverse("chat", args=["lobby"]))
        self.assertContains(response, "served over WSGI")
        self.assertNotContains(response, "/ws/chat/")

    async def test_offers_the_chat_under_asgi(self) -> None:
        response = await AsyncClient().get(reverse("chat", args=["lobby"]))
        self.assertContains(response, 'data-path="/ws/chat/lobby/"')


@isolated
class AdminTests(TestCase):
    def test_asks_for_a_login(self) -> None:
        self.assertContains(self.client.get("/admin/", follow=True), "Django administration")
