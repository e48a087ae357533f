"""What is known of calls: which ones wait without a thread, which ones only look so, and which ones block.

Names are dotted paths as ``Module.dotted`` gives them. What is in none of the tables is unknown, and counts for nothing.
"""

import re
from typing import Literal

Kind = Literal["waits", "thread", "combines", "unknown"]

_WAITS = re.compile(
    r"^(asyncio\.(sleep|open_connection|open_unix_connection|create_subprocess_\w+|start_server|Queue|Event|Lock|Condition|Semaphore)"
    r"|anyio\.(sleep|connect_\w+|run_process|Event|Lock)"
    r"|aiohttp|aioredis|asyncpg|motor|aiomysql|aiopg|aio_pika|aiokafka|aiosmtplib|aiobotocore|aioboto3|websockets|nats|asyncssh|aiormq"
    r"|redis\.asyncio|grpc\.aio|channels\.layers|valkey\.asyncio|litellm\.acompletion|litellm\.aembedding|pymongo\.AsyncMongoClient"
    r"|[a-z_][\w.]*\.Async\w*(Client|OpenAI|Anthropic|Groq|Mistral|Elasticsearch|OpenSearch|Connection|ConnectionPool|Redis|Stream))(\.|$)"
    r"|(^|\.)channel_layer\."
)
"""Awaiting these leaves the event loop to others, and no thread waits meanwhile."""

_THREAD = re.compile(
    r"(^|\.)(sync_to_async|database_sync_to_async|to_thread|run_in_executor|run_in_threadpool|run_sync)(\.|$)|^aiofiles(\.|$)|^aiosqlite(\.|$)"
)
"""These hand sync code to a thread: as many threads wait as under WSGI."""

_DJANGO_ASYNC = re.compile(
    r"(^|\.)a(get|create|get_or_create|update_or_create|bulk_create|bulk_update|count|in_bulk|iterator|latest|earliest|first|last"
    r"|aggregate|exists|update|delete|explain|contains|save|refresh_from_db|set|add|remove|clear|get_many|set_many|user|authenticate"
    r"|login|logout|get_user|update_session_auth_hash|check_password|has_perm|get_object_or_404|get_list_or_404|incr|decr|touch"
    r"|has_key)$"
)
"""Django's own async methods: today each of them runs the sync one in a thread (docs: topics/async)."""

_COMBINES = re.compile(
    r"^(asyncio|anyio)\.(gather|wait|wait_for|as_completed|shield|timeout|timeout_at|TaskGroup|create_task|ensure_future|"
    r"create_task_group|fail_after|move_on_after)(\.|$)"
)
"""These wait for other coroutines: those decide."""

_BLOCKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"^time\.sleep$"), "asyncio.sleep"),
    (
        re.compile(r"^requests(\.sessions)?\.(get|post|put|patch|delete|head|options|request|[Ss]ession\.\w+)$"),
        "httpx.AsyncClient",
    ),
    (re.compile(r"^httpx\.(get|post|put|patch|delete|head|options|request|stream|Client\.\w+)$"), "httpx.AsyncClient"),
    (re.compile(r"^urllib\.request\.(urlopen|urlretrieve)$|^urllib3\.\w+\.request$"), "httpx.AsyncClient"),
    (
        re.compile(r"^subprocess\.(run|call|check_call|check_output|getoutput)$|^os\.(system|popen)$"),
        "asyncio.create_subprocess_exec",
    ),
    (re.compile(r"^socket\.(create_connection|getaddrinfo|gethostbyname)$"), "asyncio.open_connection"),
    (re.compile(r"^smtplib\.SMTP(_SSL)?(\.\w+)?$|^django\.core\.mail\.(send_mail|send_mass_mail|mail_admins)$"), "a task queue"),
    (
        re.compile(r"^(redis|valkey)\.(Redis|StrictRedis|Valkey|from_url)\.\w+(?<!\.from_url)$|^redis\.Redis\.from_url\.\w+$"),
        "redis.asyncio",
    ),
    (
        re.compile(r"^boto3\.(client|resource)\.\w+|^psycopg2?\.connect|^pymongo\.MongoClient\.|^MySQLdb\.connect"),
        "an async client",
    ),
    (
        re.compile(r"^(openai\.OpenAI|anthropic\.Anthropic|groq\.Groq|ollama)\.(?!Async)(\w+\.)*(create|chat|generate|stream)$"),
        "its async client",
    ),
    (
        re.compile(r"^django\.core\.cache\.cache\.(get|set|add|delete|get_or_set|incr|decr|get_many|set_many|touch)$"),
        "cache.aget, cache.aset, ...",
    ),
    (re.compile(r"^(concurrent\.futures|threading)\.\w+\.(result|join|shutdown)$"), "await"),
)

_ORM_RUNS = re.compile(
    r"\.(get|first|last|count|exists|create|get_or_create|update_or_create|update|delete|bulk_create|bulk_update|aggregate|latest"
    r"|earliest|in_bulk|save|refresh_from_db|contains|explain)$"
)
_ORM_CALLS = re.compile(
    r"^django\.(shortcuts\.get_(object|list)_or_404|contrib\.auth\.(authenticate|login|logout)|db\.connection\.cursor|db\.transaction\.atomic)$"
)
_FILES = re.compile(r"^open$|^io\.open$|^pathlib\.Path(\.\w+)*\.(read_text|read_bytes|write_text|write_bytes|open)$")


def awaited(name: str) -> Kind:
    """What awaiting a call of this name does."""
    if _THREAD.search(name) or _DJANGO_ASYNC.search(name) or is_query(name):
        return "thread"
    if _COMBINES.search(name):
        return "combines"
    return "waits" if _WAITS.search(name) and not name.startswith("django.") else "unknown"


def blocking(name: str) -> str:
    """What to use instead of a call that blocks whoever runs it, '' for any other call."""
    return next((instead for pattern, instead in _BLOCKS if pattern.search(name)), "")


def is_query(name: str) -> bool:
    """Whether the expression is a QuerySet or comes from one."""
    return ".objects." in f"{name}." and not name.startswith(("self.", "request."))


def is_lazy(name: str) -> bool:
    """Whether the expression is a QuerySet that has not asked the database yet: going through it does."""
    return is_query(name) and not runs_query(name) and not _DJANGO_ASYNC.search(name)


def runs_query(name: str) -> bool:
    """Whether a call of this name asks the database at once. ``filter`` and its like do not."""
    if _ORM_CALLS.search(name):
        return True
    model = re.search(r"(^|\.)models\.[A-Z]\w*\.(save|delete|refresh_from_db)$", name) is not None
    return model or (is_query(name) and _ORM_RUNS.search(name) is not None)


def reads_file(name: str) -> bool:
    """Whether a call opens a file: short on a local disk, and still the whole loop waits."""
    return _FILES.search(name) is not None
