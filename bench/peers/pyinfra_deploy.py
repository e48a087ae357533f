"""The same with pyinfra, run by its own command line; what it needs comes in the environment."""

import os

from pyinfra import host
from pyinfra.operations import files, server, systemd

folder, venv = os.environ["PEER_FOLDER"], os.environ["PEER_VENV"]
env = dict(line.split("=", 1) for line in open(f"{folder}/peer.env").read().splitlines())
python = f"{venv}/bin/python"

server.user(user="peer", system=True, create_home=False)
for path in ("/srv/peer", "/srv/peer/current", "/etc/peer"):
    files.directory(path=path, mode="755")
code = files.sync(src=f"{folder}/code", dest="/srv/peer/current", delete=False)
files.directory(path="/srv/peer/current/staticfiles", user="peer")
secrets = files.put(src=f"{folder}/peer.env", dest="/etc/peer/peer.env", user="root", group="peer", mode="640")
unit = files.put(src=f"{folder}/peer.service", dest="/etc/systemd/system/peer.service")
run = f"cd /srv/peer/current && {python} -m django"
if host.name == os.environ["PEER_FIRST"]:
    server.shell(commands=[f"{run} migrate --noinput"], _env=env)
server.shell(commands=[f"{run} collectstatic --noinput"], _env=env)
site = files.put(src=f"{folder}/peer.conf", dest="/etc/nginx/conf.d/peer.conf")
if unit.changed or code.changed or secrets.changed:
    systemd.service(service="peer", restarted=True, enabled=True, daemon_reload=True)
if site.changed:
    systemd.service(service="nginx", reloaded=True)
ask = (
    "import urllib.request as u, time, sys\n"
    "for _ in range(60):\n"
    "    try:\n"
    "        u.urlopen(u.Request('http://127.0.0.1:8000/health/', headers={'Host': 'peer.example'}))\n"
    "        sys.exit(0)\n"
    "    except OSError:\n"
    "        time.sleep(0.2)\n"
    "sys.exit(1)"
)
server.shell(commands=[f'{python} -c "{ask}"'])
