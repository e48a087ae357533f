"""The Pulumi program: read the config, build the site, tell what serves."""

import pulumi

from components.site import DjangoSite, DjangoSiteArgs
from settings import ConfigErrors, load
from settings.plan import plan
from settings.preflight import check_engine
from targets.docker import DockerTarget
from targets.docker.observe import observe
from targets.observation import change

try:
    settings = load(pulumi.runtime.config.CONFIG.get(), pulumi.get_stack(), pulumi.runtime.config.get_config_secret_keys_env())
    observed = observe(settings.app.name)
    planned = plan(settings, observed.releases)
    owner = f"{pulumi.get_project()}/{pulumi.get_stack()}"
    check_engine(settings, owner, observed)
except ConfigErrors as error:
    raise pulumi.RunError(str(error)) from None

name = settings.app.name
services = {key: value for key, value in settings.services if value is not None}
target = DockerTarget(name, owner=owner, services=services)
site = DjangoSite(name, DjangoSiteArgs(plan=planned, target=target, observed=observed))

for note in planned.notes:
    pulumi.log.info(f"{name}: {note}")
pulumi.log.info(f"{name}: {change(observed.serving, site.asked)}")
for key in ("url", "interface", "server", "release", "instance", "previous", "hosts"):
    pulumi.export(key, site.outputs[key])
