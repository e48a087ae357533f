"""The Pulumi program: read the config, build the site, tell what serves."""

import pulumi

from components.site import DjangoSite, DjangoSiteArgs
from settings import ConfigErrors, load
from settings.plan import plan
from targets import choose
from targets.observation import change

try:
    settings = load(pulumi.runtime.config.CONFIG.get(), pulumi.get_stack(), pulumi.runtime.config.get_config_secret_keys_env())
    planned = plan(settings)
    owner = f"{pulumi.get_project()}/{pulumi.get_stack()}"
    observed = choose.observe(settings)
    choose.check(settings, owner, observed)
except ConfigErrors as error:
    raise pulumi.RunError(str(error)) from None

name = settings.app.name
site = DjangoSite(name, DjangoSiteArgs(plan=planned, target=choose.make(settings, owner), observed=observed))

pulumi.log.info(f"{name}: {change(observed.serving, site.asked)}")
for key in ("url", "interface", "server", "release", "instance", "previous", "hosts"):
    pulumi.export(key, site.outputs[key])
