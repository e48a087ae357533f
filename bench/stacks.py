"""What is compared with: the article's stack, and one tuned by hand. Written out here, so that they depend on nothing of ours."""

_BASE = """\
user www-data;
worker_processes auto;
pid /run/nginx.pid;

events {
    worker_connections 768;
}

http {
    sendfile on;
    tcp_nopush on;
    types_hash_max_size 2048;
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log /var/log/nginx/access.log;
    error_log /var/log/nginx/error.log;
    gzip on;
    %s
}
"""
"""Debian's own nginx.conf."""

ARTICLE_WSGI = (
    _BASE
    % """
    server {
        listen 80;
        server_name localhost;
        location / {
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_pass http://127.0.0.1:8000;
        }
    }"""
)

ARTICLE_ASGI = (
    _BASE
    % """
    map $http_upgrade $connection_upgrade {
        default upgrade;
        ''      close;
    }
    server {
        listen 80;
        server_name localhost;
        location / {
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_pass http://127.0.0.1:8000;
        }
    }"""
)

TUNED = (
    _BASE
    % """
    upstream app {
        server unix:/sockets/app.sock;
        keepalive 32;
    }
    server {
        listen 80;
        server_name localhost;
        location / {
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_pass http://app;
        }
    }"""
)

GUNICORN_SYNC = ["gunicorn", "--workers", "3", "--bind", "127.0.0.1:8000", "shop.wsgi:application"]
UVICORN_SINGLE = ["uvicorn", "shop.asgi:application", "--host", "127.0.0.1", "--port", "8000"]
GUNICORN_TUNED = [
    *("gunicorn", "--workers", "3", "--worker-class", "gthread", "--threads", "4", "--keep-alive", "75"),
    *("--umask", "0", "--worker-tmp-dir", "/dev/shm", "--bind", "unix:/sockets/app.sock", "shop.wsgi:application"),
]
