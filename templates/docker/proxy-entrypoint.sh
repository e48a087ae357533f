#!/bin/sh
# Nginx as process 1, and beside it a look every two seconds whether another certificate has been put in place: it is taken over
# by a reload, once Nginx has found it sound. Arguments: Nginx's configuration, the link that names the certificate.
set -eu
conf=$1
live=$2
seen=$(readlink "$live" || true)
(
    while sleep 2; do
        now=$(readlink "$live" || true)
        [ "$now" = "$seen" ] && continue
        nginx -t -q -c "$conf" && nginx -c "$conf" -s reload && echo "gateway: certificate $now is in use"
        seen=$now
    done
) &
exec nginx -c "$conf" -g "daemon off;"
