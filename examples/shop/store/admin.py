from django.contrib import admin

from store.models import Order, Product, Upload


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):
    list_display = ("name", "price")


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):
    list_display = ("id", "product", "quantity", "customer", "created")
    list_select_related = ("product",)


@admin.register(Upload)
class UploadAdmin(admin.ModelAdmin):
    list_display = ("file", "created")
