from decimal import Decimal

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

PRODUCTS = [
    ("Enamel mug", "Holds tea, survives camping.", Decimal("14.00")),
    ("Linen notebook", "160 dotted pages which lie flat.", Decimal("18.50")),
    ("Brass pencil", "Refillable, heavier than it looks.", Decimal("24.00")),
    ("Wool blanket", "For the sofa, the train and the park.", Decimal("79.00")),
    ("Canvas bag", "Carries everything above.", Decimal("32.00")),
]


def add_products(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """A fresh deployment should have something to sell."""
    product = apps.get_model("store", "Product")
    product.objects.using(schema_editor.connection.alias).bulk_create(
        product(name=name, description=description, price=price) for name, description, price in PRODUCTS
    )


class Migration(migrations.Migration):
    dependencies = [("store", "0001_initial")]
    operations = [migrations.RunPython(add_products, migrations.RunPython.noop)]
