"""What a preview can tell of a source's migrations without running any: names, and what they take away."""

from collections.abc import Callable
from pathlib import Path

import pytest

from settings.migrations import destructive, names, warning
from settings.source import Source

Project = Callable[..., Path]

TEXT = """
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("store", "0002_products")]
    operations = [
        {operation},
    ]
"""


def lost(project: Project, operation: str) -> dict[str, tuple[str, ...]]:
    return destructive(Source(project({"store/migrations/0003_next.py": TEXT.format(operation=operation)})))


def test_the_names_are_those_that_django_uses(project: Project) -> None:
    files = dict.fromkeys(
        ["store/migrations/0001_initial.py", "apps/blog/migrations/0001_a.py", "store/migrations/__init__.py"], ""
    )
    assert names(Source(project({**files, "migrations.py": "", "store/migrations/notes.txt": ""}))) == (
        "blog.0001_a",
        "store.0001_initial",
    )


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        ('migrations.RemoveField(model_name="product", name="price")', "removes field price of product"),
        ('migrations.RemoveField("product", "price")', "removes field price of product"),
        ('migrations.DeleteModel(name="Order")', "deletes model Order"),
        ('migrations.RenameField("product", "price", "cost")', "renames field price of product to cost"),
        ('migrations.RenameModel(old_name="Order", new_name="Sale")', "renames model Order to Sale"),
        ('migrations.AlterModelTable(name="order", table="sales")', "renames the table of order"),
        ('migrations.RunSQL("alter table store_product  drop column price")', "drop column price"),
        ("migrations.RemoveField(model_name=MODEL, name='price')", "removes field price of ?"),
    ],
)
def test_what_a_migration_takes_is_told_in_words(project: Project, operation: str, words: str) -> None:
    assert [text for texts in lost(project, operation).values() for text in texts] == [words]


@pytest.mark.parametrize(
    "operation",
    [
        'migrations.AddField("product", "weight", models.IntegerField(null=True))',
        "migrations.RunPython(migrations.RunPython.noop)",
        'migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("product", "price")])',
        'migrations.RunSQL("update store_product set price = 1")',
    ],
)
def test_what_takes_nothing_is_not_named(project: Project, operation: str) -> None:
    assert lost(project, operation) == {}


def test_only_what_the_serving_release_does_not_have_yet_is_worth_a_warning() -> None:
    found = {"store.0002_old": ("deletes model A",), "store.0003_new": ("removes field price of product",)}
    told = warning(found, {"store.0001_initial", "store.0002_old"})
    assert told.startswith("destructive migration: store.0003_new removes field price of product.")
    assert "0002" not in told
    assert warning(found, found) == ""


def test_a_file_that_is_no_python_is_passed_over(project: Project) -> None:
    assert destructive(Source(project({"store/migrations/0003_x.py": "def ("}))) == {}
