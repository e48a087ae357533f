"""What usually goes wrong with a served Django project, and the words by which servers, Nginx and the system give it away.

Standard library only. ``docs/when-it-fails.md`` has a line for each name.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """One way to fail."""

    name: str
    """As in ``docs/when-it-fails.md``."""
    pattern: str
    """A regular expression that is looked for in a line of a log."""
    sentence: str
    fix: str


_SERVERS = "gunicorn|uvicorn|uvicorn_worker|daphne|hypercorn"
_SET = "set it: pulumi config set [--secret] --path gateway:env|secrets.NAME"

RULES: tuple[Rule, ...] = (
    Rule(
        "server missing",
        rf"^(?:{_SERVERS}): not found|No module named '(?:{_SERVERS})[.']|locate executable .*/(?:{_SERVERS})\b",
        "the server is not installed where the project runs",
        "add the server to the image, or to the project's requirements",
    ),
    Rule(
        "settings module",
        r"No module named '[\w.]*settings(?:\.\w+)?'|DJANGO_SETTINGS_MODULE|settings are not configured|names a settings module",
        "the settings module cannot be found",
        "correct app.settings (or app.module)",
    ),
    Rule(
        "import error",
        r"ModuleNotFoundError: |ImportError: |Error loading \w+ (?:or \w+ )?module|Error loading ASGI app",
        "the code imports what is not there",
        "add the package to the requirements, or mend the import",
    ),
    Rule(
        "missing variable",
        r"^KeyError: '[A-Z][A-Z0-9_]+'|[Ss]et the \w+ environment variable|SECRET_KEY setting must not be empty"
        r"|environment variable.* (?:not set|required|missing|is not)"
        r"|Declare it as envvar|ImproperlyConfigured: .*(?:SECRET_KEY|environ)",
        "a variable that the settings need is not set",
        _SET,
    ),
    Rule(
        "database password",
        r"password authentication failed|no password supplied|Access denied for user|role \"[^\"]+\" does not exist"
        r"|no pg_hba\.conf entry|WRONGPASS|NOAUTH",
        "the database (or Redis) refuses the user or password",
        "correct the database's user or password in DATABASE_URL (REDIS_URL)",
    ),
    Rule(
        "database missing",
        r"database \"[^\"]+\" does not exist|Unknown database",
        "the database server has no database of that name",
        "create the database, or correct its name in DATABASE_URL",
    ),
    Rule(
        "too many connections",
        r"too many clients already|remaining connection slots are reserved|Too many connections",
        "the database has no connection left to give",
        "lower workers, threads or the pool's max_size, or raise max_connections; under ASGI CONN_MAX_AGE must be 0",
    ),
    Rule(
        "database refused",
        r"connection to server .*failed|could not connect to server|failed to resolve host|Can't connect to (?:MySQL|local)"
        r"|could not translate host name|server closed the connection unexpectedly|terminating connection due to admin"
        r"|the connection is (?:lost|closed)|connection timeout expired|unable to open database file",
        "the database does not take connections",
        "check that the database runs and its URL is right (on Docker with services.postgres: make up)",
    ),
    Rule(
        "redis refused",
        r"redis\.exceptions\.(?:ConnectionError|TimeoutError)|Error \d+ connecting to .*(?:6379|redis)"
        r"|Error 111 connecting|Error 2 connecting to",
        "Redis does not take connections",
        "check that Redis runs and its URL is right (on Docker with services.redis: make up)",
    ),
    Rule(
        "connection pool",
        r"PoolTimeout",
        "no database connection came free in time",
        "check that the database runs; else raise the pool's max_size, or find what keeps connections",
    ),
    Rule(
        "schema",
        r"relation \"[^\"]+\" does not exist|column \S+ does not exist|no such (?:table|column): |UndefinedTable|UndefinedColumn",
        "code and database schema do not fit together",
        "run makemigrations and deploy the migration too; or, after a rollback, go forward again",
    ),
    Rule(
        "static manifest",
        r"Missing staticfiles manifest entry for|staticfiles manifest .* (?:is not|missing)",
        "a page asks for a static file that collectstatic did not find",
        "correct the name in the template, or put the file where collectstatic finds it, then deploy again",
    ),
    Rule(
        "DisallowedHost",
        r"Invalid HTTP_HOST header",
        "Django refuses a name that Nginx lets in",
        "add the name to ALLOWED_HOSTS (it is made from domains unless you set it), or take it out of domains",
    ),
    Rule(
        "disk full",
        r"[Nn]o space left on device|\[Errno 28\]|could not extend file|Disk quota exceeded",
        "the disk is full",
        "free disk space: df -h, docker system df; lower keepReleases",
    ),
    Rule(
        "permission denied",
        r"PermissionError: |(?:OSError|Error): \[Errno (?:13|30)\]|attempt to write a readonly database"
        r"|permission denied for (?:table|schema|sequence|relation)",
        "the app's user may not do that",
        "give the app's user access to that path or table; files that the project writes belong into MEDIA_ROOT (on hosts also "
        "/srv/<app>/data)",
    ),
    Rule(
        "out of memory",
        r"was sent SIGKILL! Perhaps out of memory|^MemoryError|Out of memory: Killed|oom-kill|killed by the OOM killer"
        r"|killed for lack of memory|Cannot allocate memory",
        "a process was killed, or refused, for lack of memory",
        "lower workers, raise memory.max (on hosts) or give the machine more (make preflight tells)",
    ),
    Rule(
        "worker timeout",
        r"WORKER TIMEOUT",
        "a worker was killed because a request took longer than the server allows",
        "make the view quicker, or raise timeouts.request, which Nginx waits too",
    ),
    Rule(
        "port taken",
        r"Failed to (?:listen on sockets|create listening socket)[^:]*(?::\d+\))?: Address already in use|\[Errno 98\]",
        "somebody else has the port or socket",
        "find out who: ss -ltnp; stop that (on hosts serving: socket needs no port)",
    ),
    Rule(
        "port taken",
        r"[Aa]ddress already in use|port is already allocated",
        "somebody else has the port or socket",
        "find out who: ss -ltnp; stop that, or choose another httpPort",
    ),
    Rule(
        "bad option",
        r"^(?:gunicorn|uvicorn|daphne|hypercorn)?:? ?error: unrecognized arguments|error: argument|Error: No such option",
        "the server does not know an option that it is given",
        "correct serverOptions",
    ),
)
"""In the order in which they are asked: the first one that fits a line counts."""

NGINX_RULES: tuple[Rule, ...] = (
    Rule(
        "502: socket gone",
        r"connect\(\) to unix:\S+ failed \(2: ",
        "Nginx answered 502: the socket of the live instance was gone",
        "make up; if it says that there is nothing to do, restart the live instance",
    ),
    Rule(
        "502: instance dead",
        r"connect\(\) (?:to unix:\S+ )?failed \((?:111: Connection refused)",
        "Nginx answered 502: nobody listened on the socket of the live instance",
        "make up starts it; its own log tells why it ended",
    ),
    Rule(
        "502: Nginx may not",
        r"connect\(\) to unix:\S+ failed \(13: ",
        "Nginx answered 502: it may not open the socket of the live instance",
        "look at owner and mode of the socket and of its folder: www-data must be able to reach it",
    ),
    Rule(
        "502: queue full",
        r"connect\(\) .*failed \(11: ",
        "Nginx answered 502: the queue of the live instance was full",
        "more workers or threads, or find out what blocks them",
    ),
    Rule(
        "502: worker died",
        r"upstream prematurely closed connection|recv\(\) failed \(104: Connection reset",
        "Nginx answered 502: a worker ended in the middle of a request",
        "the instance's own log tells why: out of memory, a worker timeout, a crash",
    ),
    Rule(
        "504: too slow",
        r"upstream timed out \(110: ",
        "Nginx answered 504: the app took longer than Nginx waits",
        "make the view quicker, put the work into a queue, or raise timeouts.request; "
        "an event stream that is silent for longer must be asked for with Accept: text/event-stream",
    ),
    Rule(
        "port taken",
        r"bind\(\) to \S+ failed \(98: ",
        "somebody else has the port of Nginx",
        "find out who: ss -ltnp; stop that, or choose another httpPort",
    ),
    Rule("disk full", r"\(28: No space left", "the disk is full", "free disk space: df -h, docker system df"),
    Rule("Nginx configuration", r"\[emerg\]", "Nginx refuses its configuration", "mend that file, then: nginx -t"),
)

MIGRATION = Rule(
    "migration failed",
    "",
    "migration {migration} failed",
    "mend the migration; those before it are applied and stay, what served serves",
)
