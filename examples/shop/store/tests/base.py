from django.test import override_settings

# The tests must pass in any environment, so they take nothing from it which leaves the process or needs a build step.
isolated = override_settings(
    CHANNEL_LAYERS={"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}},
    HEALTH_STATUS=200,
    INSTANCE="blue-1",
    INTERFACE="test",
    RELEASE="2026.11",
    SECURE_SSL_REDIRECT=False,
    STORAGES={
        "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    },
)
