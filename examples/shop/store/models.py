from django.core.validators import FileExtensionValidator, MaxValueValidator, MinValueValidator
from django.db import models

# Uploads are served from the shop's own origin, so nothing a browser would run (HTML, SVG) may be among them.
UPLOAD_EXTENSIONS = ("bin", "csv", "gif", "jpeg", "jpg", "pdf", "png", "txt", "webp", "zip")


class Product(models.Model):
    name = models.CharField(max_length=100, unique=True)
    description = models.CharField(max_length=300)
    price = models.DecimalField(max_digits=8, decimal_places=2)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Order(models.Model):
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="orders")
    customer = models.CharField("your name", max_length=100)
    quantity = models.PositiveSmallIntegerField(default=1, validators=[MinValueValidator(1), MaxValueValidator(100)])
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"Order {self.pk}"


class Upload(models.Model):
    file = models.FileField(upload_to="uploads/", validators=[FileExtensionValidator(UPLOAD_EXTENSIONS)])
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return self.file.name
