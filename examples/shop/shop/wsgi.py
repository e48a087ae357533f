import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
os.environ.setdefault("GATEWAY_INTERFACE", "wsgi")

application = get_wsgi_application()
