"""Stack config without the CLI: what Pulumi.yaml and Pulumi.<stack>.yaml say together, and what config set writes."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import pulumi
import pytest

from embedded.errors import EngineError
from embedded.stack import EmbeddedStack
from tests.embedded.conftest import Listener, write_config

Make = Callable[..., EmbeddedStack]
PROJECT = """\
name: small
runtime: python
config:
  text: {type: string, default: plain}
  number: {type: integer, default: 3}
  names: {type: array, items: {type: string}, default: [a]}
  map: {type: object, default: {}}
"""


def test_defaults_stand_for_what_the_stack_does_not_say(make_stack: Make) -> None:
    stack = make_stack(PROJECT)
    write_config("config:\n  small:number: 5\n  other:key: off\n")
    stack.create()
    values, secret = stack.config()
    assert values == {"small:text": "plain", "small:number": "5", "small:names": '["a"]', "small:map": "{}", "other:key": "off"}
    assert secret == frozenset()


@pytest.mark.parametrize(
    ("key", "value", "kind"),
    [("number", "many", "integer"), ("names", "a", "array"), ("names", "[1, {}]", "array"), ("map", "[1]", "object")],
)
def test_another_type_is_refused_before_the_program_runs(
    make_stack: Make, listener: Listener, key: str, value: str, kind: str
) -> None:
    stack = make_stack(PROJECT)
    write_config(f"config:\n  small:{key}: {value}\n")
    stack.create()
    done = stack.up(lambda: Path("ran").touch(), listener)
    assert done.errors == (f"Stack 'test' with configuration key 'small:{key}' must be of type '{kind}'",)
    assert not Path("ran").exists()


def test_a_key_without_a_default_must_be_there(make_stack: Make, listener: Listener) -> None:
    stack = make_stack("name: small\nruntime: python\nconfig:\n  app: {type: object}\n")
    stack.create()
    assert stack.up(lambda: None, listener).errors == ("Stack 'test' is missing configuration value 'small:app'",)


def test_comments_stay_when_a_value_is_written(make_stack: Make) -> None:
    stack = make_stack(PROJECT)
    write_config("# of the shop\nconfig:\n  small:text: old # until May\n")
    stack.create()
    stack.set_config("small:text", "new")
    text = Path("Pulumi.test.yaml").read_text()
    assert "# of the shop" in text
    assert "# until May" in text
    assert stack.config()[0]["small:text"] == "new"


def test_a_path_leads_into_maps_and_lists(make_stack: Make) -> None:
    stack = make_stack(PROJECT)
    stack.create()
    stack.set_config("hosts[0].address", "10.0.0.1", path=True)
    stack.set_config("hosts[1].address", "10.0.0.2", path=True)
    stack.set_config("hosts[0].privateKey", "key", path=True, secret=True)
    stack.set_config('map["a.b"]', "dotted", path=True)
    values, secret = stack.config()
    assert json.loads(values["small:hosts"]) == [{"address": "10.0.0.1", "privateKey": "key"}, {"address": "10.0.0.2"}]
    assert json.loads(values["small:map"]) == {"a.b": "dotted"}
    assert secret == {"small:hosts"}
    assert "secure: v1:" in Path("Pulumi.test.yaml").read_text()


@pytest.mark.parametrize("path", ["small:text.inside", "small:names[5]"])
def test_a_path_that_leads_nowhere_is_refused(make_stack: Make, path: str) -> None:
    stack = make_stack(PROJECT)
    write_config("config:\n  small:text: old\n  small:names: [a]\n")
    stack.create()
    before = Path("Pulumi.test.yaml").read_text()
    with pytest.raises(EngineError, match=r"no path|does not lead"):
        stack.set_config(path, "value", path=True)
    assert Path("Pulumi.test.yaml").read_text() == before


@pytest.mark.parametrize(("path", "written"), [("small:secrets.TOKEN", True), ("small:text.inside", False)])
def test_a_config_is_all_written_or_not_at_all(make_stack: Make, path: str, written: bool) -> None:
    stack = make_stack(PROJECT)
    write_config("config:\n  small:text: old # until May\n  small:number: 5\n")
    stack.create()
    before = Path("Pulumi.test.yaml").read_text()
    with contextlib.nullcontext() if written else pytest.raises(EngineError):
        stack.rewrite_config(["small:number"], {"small:map": {"LEVEL": 7}}, {path: "hush"})
    after = Path("Pulumi.test.yaml").read_text()
    assert (after != before) == written
    assert "# until May" in after
    assert "hush" not in after
    if written:
        values, secret = stack.config()
        assert (values["small:number"], json.loads(values["small:map"])) == ("3", {"LEVEL": 7})
        assert secret == {"small:secrets"}


def test_the_program_gets_secrets_as_secrets(make_stack: Make, listener: Listener) -> None:
    stack = make_stack(PROJECT)
    stack.create()
    stack.set_config("small:token", "hush", secret=True)
    done = stack.up(lambda: pulumi.export("token", pulumi.Config("small").require_secret("token")), listener)
    assert done.errors == ()
    assert stack.outputs() == {"token": "[secret]"}
    assert "hush" not in stack.backend.checkpoint.read_text()
    assert "hush" not in json.dumps(stack.backend.history())


def test_a_file_that_is_no_yaml_is_named(make_stack: Make) -> None:
    stack = make_stack(PROJECT)
    Path("Pulumi.test.yaml").write_text("config: [")
    with pytest.raises(EngineError, match=r"Pulumi.test.yaml is no YAML"):
        stack.create()
