"""Pulumi.yaml tells the same of every key as the model does, so that the command line can check and describe it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from settings import load
from settings.load import UNSET
from settings.model import Settings
from tests.unit.conftest import config

PULUMI_YAML = yaml.safe_load((Path(__file__).parents[2] / "Pulumi.yaml").read_text())
DECLARED: dict[str, dict[str, Any]] = PULUMI_YAML["config"]
FIELDS = {field.alias or name: field for name, field in Settings.model_fields.items()}
SCHEMAS = Settings.model_json_schema()["properties"]


def _type(key: str) -> str:
    schema = SCHEMAS[key]
    kinds = {kind.get("type", "object") for kind in schema.get("anyOf", [schema])} - {"null"}
    assert len(kinds) == 1
    return str(kinds.pop())


def _default(key: str) -> Any:
    default = Settings.model_json_schema()["properties"][key].get("default", ...)
    if default is None:
        return 0 if _type(key) == "integer" else ""
    return {k: v for k, v in default.items() if v is not None} if isinstance(default, dict) else default


def test_it_declares_the_keys_of_the_model_and_no_others() -> None:
    assert list(DECLARED) == list(FIELDS)


@pytest.mark.parametrize("key", FIELDS)
def test_type_description_and_default_are_those_of_the_model(key: str) -> None:
    declared = DECLARED[key]
    assert declared["type"] == _type(key)
    assert declared["description"] == FIELDS[key].description
    assert declared.get("default", ...) == _default(key)


def test_a_list_says_what_is_in_it() -> None:
    assert DECLARED["domains"]["items"] == {"type": "string"}


def test_the_defaults_that_pulumi_adds_to_every_run_change_nothing() -> None:
    defaults = {key: declared["default"] for key, declared in DECLARED.items() if "default" in declared}
    texts = {key: value if isinstance(value, dict | list) else str(value) for key, value in defaults.items()}
    assert load({**config(**texts), **config()}, "prod") == load(config(), "prod")


def test_only_optional_keys_may_be_empty() -> None:
    assert UNSET == {
        "server": "",
        "workers": "0",
        "threads": "0",
        "httpPort": "0",
        "httpsPort": "0",
        "errorPages": "",
        "release": "",
        "joins": "",
    }


def test_every_key_of_every_map_has_a_description() -> None:
    for field in FIELDS.values():
        for inner in getattr(field.annotation, "model_fields", {}).values():
            assert inner.description
