from django import forms

from store.models import Order, Upload


class OrderForm(forms.ModelForm):
    class Meta:
        model = Order
        fields = ("product", "quantity", "customer")


class UploadForm(forms.ModelForm):
    class Meta:
        model = Upload
        fields = ("file",)
