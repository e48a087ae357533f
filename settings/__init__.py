"""Stack config -> frozen, typed settings, checked for meaning before anything is touched."""

from settings.errors import ConfigError, ConfigErrors
from settings.load import load
from settings.model import Settings

__all__ = ["ConfigError", "ConfigErrors", "Settings", "load"]
