#!/bin/sh
# Entrypoint of the base image that is built where no registry answers. It gives Debian's packages the interface of the
# official images: `postgres ...` initialises an empty data folder first, servers drop root, everything else is just run.
set -eu

case "${1:-}" in
postgres)
    : "${PGDATA:=/var/lib/postgresql/data}"
    PATH="$(echo /usr/lib/postgresql/*/bin):$PATH"
    export PATH PGDATA
    mkdir -p "$PGDATA" /var/run/postgresql
    chown postgres:postgres "$PGDATA" /var/run/postgresql
    chmod 700 "$PGDATA"
    chmod 3777 /var/run/postgresql
    as_postgres="setpriv --reuid=postgres --regid=postgres --init-groups"
    if [ ! -s "$PGDATA/PG_VERSION" ]; then
        $as_postgres initdb --username="$POSTGRES_USER" --auth="${POSTGRES_HOST_AUTH_METHOD:-trust}" --encoding=UTF8 --locale=C.UTF-8
        echo "CREATE DATABASE \"$POSTGRES_DB\"" | $as_postgres postgres --single postgres
    fi
    exec $as_postgres "$@"
    ;;
redis-server)
    mkdir -p /data
    chown redis:redis /data
    cd /data
    exec setpriv --reuid=redis --regid=redis --init-groups "$@"
    ;;
*)
    exec "$@"
    ;;
esac
