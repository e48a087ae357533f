"""A secret of the config is in no message and no repr, whatever else is wrong."""

import traceback
from typing import Any

import pytest

from components.env_secret import EnvSecretArgs
from settings import ConfigErrors, load
from settings.plan import plan
from tests.unit.conftest import PROJECT, SECRET, config, settings_of, write

TOKEN = "tok-5f2e9a77c1d84b60"
SECRETS = {"SECRET_KEY": SECRET, "TOKEN": TOKEN}

MISTAKES: list[dict[str, Any]] = [
    {"interface": "cgi"},
    {"app": None},
    {"app": "shop"},
    {"app": {"name": "shop"}},
    {"zzz": "1"},
    {"server": "daphne"},
    {"env": {"DEBUG": "1"}},
    {"env": {"SECRET_KEY": "plain"}},
    {"env": {"TOKEN": "double"}},
    {"env": {"ALLOWED_HOSTS": "x"}},
    {"domains": ["a", "a"]},
    {"secrets": {**SECRETS, "SECRET_KEY": TOKEN}},
    {"secrets": {**SECRETS, "NUL": f"{TOKEN}\0"}},
    {"secrets": {**SECRETS, "LISTEN_FDS": TOKEN}},
    {"secrets": {**SECRETS, "A-B": TOKEN}},
    {"secrets": {**SECRETS, "NESTED": {"inner": TOKEN}}},
    {"secrets": {**SECRETS, "LIST": [TOKEN]}},
    {"secrets": [TOKEN, SECRET]},
    {"secrets": TOKEN},
    {"secrets": f'"{TOKEN}"'},
    {"secrets": "{" + TOKEN},
    {"secret": SECRETS},
    {"secrets.TOKEN": TOKEN},
]


@pytest.mark.parametrize("changes", MISTAKES, ids=lambda changes: " ".join(changes))
@pytest.mark.parametrize("encrypted", [None, []])
def test_no_mistake_repeats_a_secret(changes: dict[str, Any], encrypted: list[str] | None) -> None:
    with pytest.raises(ConfigErrors) as caught:
        load(config(**{"secrets": SECRETS, **changes}), "prod", encrypted)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(caught.value.errors)
    assert str(caught.value)
    assert TOKEN not in shown
    assert SECRET not in shown


def test_settings_and_plan_hide_secrets_when_somebody_prints_them(tmp_path: Any) -> None:
    settings = settings_of(secrets=SECRETS, app={"name": "shop", "source": str(write(tmp_path, PROJECT))})
    planned = plan(settings)
    assert planned.secrets["TOKEN"] == TOKEN
    shown = f"{settings!r} {settings} {planned!r} {EnvSecretArgs(target=None, secrets=planned.secrets)!r}"  # type: ignore[arg-type]
    assert TOKEN not in shown
    assert SECRET not in shown
