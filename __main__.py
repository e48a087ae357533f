"""The Pulumi program: read the config, build the site, tell what serves."""

import pulumi

from components.site import DjangoSite, DjangoSiteArgs
from settings import ConfigErrors, load
from settings.auto import serving_interface
from settings.checks import DEV_STACK
from settings.migrations import warning
from settings.plan import plan
from targets import choose
from targets.observation import change

try:
    settings = load(pulumi.runtime.config.CONFIG.get(), pulumi.get_stack(), pulumi.runtime.config.get_config_secret_keys_env())
    observed = choose.observe(settings)
    owner = f"{pulumi.get_project()}/{pulumi.get_stack()}"
    planned = plan(settings, choose.releases_for_plan(settings, owner, observed), serving_interface(observed.serving))
    choose.check(settings, owner, observed)
except ConfigErrors as error:
    raise pulumi.RunError(str(error)) from None

name = settings.app.name
dev = pulumi.get_stack() == DEV_STACK
site = DjangoSite(name, DjangoSiteArgs(plan=planned, target=choose.make(settings, owner), observed=observed, dev=dev))

if lost := warning(planned.destructive, choose.serving_migrations(planned, owner, observed)):
    pulumi.log.warn(f"{name}: {lost}")
for note in planned.notes:
    pulumi.log.info(f"{name}: {note}")
for said in planned.warnings:
    pulumi.log.warn(f"{name}: {said}")
pulumi.log.info(f"{name}: {change(observed.serving, site.asked, observed.taken_by(owner))}")
for key in ("url", "interface", "server", "release", "instance", "previous", "hosts"):
    pulumi.export(key, site.outputs[key])
