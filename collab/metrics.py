"""What the server counts: every metric of the process, declared once, with its help, unit and labels.

Whoever counts imports the metric and adds to a plain integer; nobody else hears of it until somebody reads
``/metrics``, when :mod:`collab.observe.exposition` writes all of them down. What can be looked up then (how many
sessions there are) is a :class:`Gauge` and not counted at all. No label holds a document, a participant, or anything
else that somebody chooses: the number of series is known from the start.

It lies below everything because a store's thread counts, and so does a worker pool. A metric is of the process: two
applications in one process count together.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import product

from collab.errors import CODES

PREFIX = "collab_"

#: doors, as in :attr:`collab.hub.session.Session.door`, but for those of requests
DOORS = ("socket.io", "y-socket.io", "y-websocket", "hocuspocus", "sse", "http", "in-process")
#: of sessions: without requests
SESSION_DOORS = tuple(door for door in DOORS if door != "http")
#: which doors have which transports
TRANSPORTS = (
    ("socket.io", "websocket"), ("socket.io", "polling"), ("y-socket.io", "websocket"), ("y-socket.io", "polling"),
    ("y-websocket", "websocket"), ("hocuspocus", "websocket"), ("sse", "sse"), ("in-process", "in-process"),
)  # fmt: skip
#: doors that make connections; one of Socket.IO may hold sessions of both kinds
CONNECTING = (
    ("socket.io", "websocket"), ("socket.io", "polling"), ("y-websocket", "websocket"), ("hocuspocus", "websocket"),
    ("sse", "sse"),
)  # fmt: skip
#: states of a session (:class:`collab.hub.session.State`) but for the last
STATES = ("syncing", "live", "behind")
#: what is sent
KINDS = ("update", "awareness", "presence", "broadcast", "notice", "answer", "step-1", "control")
_ALL_CODES = tuple(CODES)

#: bounds of histograms, in seconds
QUICK = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
ACKS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
COMMITS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
SLOW = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
LAG = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
#: in bytes
SIZES = (32, 64, 128, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304)
#: in rows
ROWS = (1, 2, 5, 10, 25, 50, 100, 250, 1000, 5000)

Labels = tuple[str, ...]

#: every metric, in the order in which it is declared
METRICS: list[Metric] = []


class Metric:
    """What all kinds have in common.

    Attributes:
        name: without the prefix.
        help: what it means, for a person.
        labels: their names.
        preset: the values of labels that are there from the start.
    """

    kind: str

    def __init__(self, name: str, help: str, labels: Labels = (), preset: Iterable[Labels] = ()) -> None:
        self.name = name
        self.help = help
        self.labels = labels
        self.preset: Sequence[Labels] = tuple(preset) if labels else ((),)
        METRICS.append(self)

    @property
    def unit(self) -> str:
        """``seconds``, ``bytes``, or nothing: what is counted stands in the name."""
        words = self.name.removesuffix("_total").split("_")
        return next((word for word in words if word in ("seconds", "bytes")), "")


class Counter(Metric):
    """Counts up, as a plain integer for each set of labels.

    Where nothing can be afforded, ``counter.values[labels] += 1`` says the same as :meth:`add`. Each set of labels is
    counted in one thread only.
    """

    kind = "counter"

    def __init__(self, name: str, help: str, labels: Labels = (), preset: Iterable[Labels] = ()) -> None:
        super().__init__(name, help, labels, preset)
        self.values: defaultdict[Labels, int] = defaultdict(int, dict.fromkeys(self.preset, 0))

    def add(self, *labels: str, amount: int = 1) -> None:
        """Count ``amount`` more."""
        self.values[labels] += amount


class Gauge(Metric):
    """Is looked up when somebody reads it; see :mod:`collab.observe.gauges`."""

    kind = "gauge"


class Buckets:
    """How often something was how large.

    Attributes:
        counts: of values up to each bound, and beyond the last one; not cumulative.
        sum: of all values.
    """

    __slots__ = ("_bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count one value. Each is observed in one thread only."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.sum += value


class Histogram(Metric):
    """How often something was how large, for each set of labels.

    Attributes:
        bounds: of its buckets, inclusive.
        of: by labels; those that are no preset come when they are asked for.
    """

    kind = "histogram"

    def __init__(
        self, name: str, help: str, bounds: Sequence[float], labels: Labels = (), preset: Iterable[Labels] = ()
    ) -> None:
        super().__init__(name, help, labels, preset)
        self.bounds = bounds
        self.of: dict[Labels, Buckets] = {each: Buckets(bounds) for each in self.preset}
        if not labels:
            self.observe = self.of[()].observe

    def at(self, *labels: str) -> Buckets:
        """The buckets of one set of labels."""
        found = self.of.get(labels)
        if found is None:
            found = self.of[labels] = Buckets(self.bounds)
        return found


def _each(*names: str) -> list[Labels]:
    return [(name,) for name in names]


# -- people and their connections -------------------------------------------------------------------------

SESSIONS = Gauge(
    "sessions", "Sessions: one participant in one document.", ("door", "transport", "state"),
    [(*pair, state) for pair in TRANSPORTS for state in STATES],
)  # fmt: skip
CONNECTIONS = Counter(
    "connections_total", "Connections that were made; by the transport that they began with.",
    ("door", "transport"), CONNECTING,
)  # fmt: skip
SESSIONS_CLOSED = Counter(
    "sessions_closed_total", "Sessions that ended: `left` by themselves, or sent away with this code.",
    ("reason",), _each("left", *_ALL_CODES),
)  # fmt: skip
REFUSED = Counter(
    "connections_refused_total", "Sessions and connections that were not let in.", ("code",), _each(*_ALL_CODES)
)
AUTHENTICATED = Counter(
    "auth_total", "Tokens that were looked at: `ok`, or the code of the refusal.", ("result",),
    _each("ok", "unauthorized", "token_expired", "forbidden", "internal"),
)  # fmt: skip

# -- documents --------------------------------------------------------------------------------------------

DOCUMENTS = Gauge("documents_loaded", "Documents in memory.")
LOADED = Histogram("document_load_seconds", "Reading a document from the store.", SLOW)
JOINED = Histogram(
    "document_join_seconds",
    "From the wish to come in to being in the document.",
    SLOW,
    ("door",),
    _each(*SESSION_DOORS),
)
MEMORY_USED = Gauge("memory_used_bytes", "Memory that counts against its bound; NaN where there is none.")
MEMORY_LIMIT = Gauge("memory_limit_bytes", "The bound; near it idle documents leave, and new ones are refused.")
QUARANTINED = Gauge("documents_quarantined", "Documents that are not opened because they have harmed the process.")

# -- edits ------------------------------------------------------------------------------------------------

UPDATES_RECEIVED = Counter("updates_received_total", "Updates that came in.", ("door",), _each(*DOORS))
UPDATE_BYTES = Histogram("update_bytes", "Size of an update that came in.", SIZES)
UPDATES_REFUSED = Counter(
    "updates_refused_total", "Updates that were not taken, or not all of them.", ("code",), _each(*_ALL_CODES)
)
ACKED = Histogram("edit_ack_seconds", "From an edit's arrival to its being durable.", ACKS)
VISIBLE = Histogram("edit_visible_seconds", "From an edit's arrival to its being written to the others here.", ACKS)
ACKS_WAITING = Gauge("acks_waiting", "Edits that are not durable yet.")
UNSAVED_BYTES = Gauge("unsaved_bytes", "Bytes of edits that are not durable yet.")
UNSAVED_OLDEST = Gauge("unsaved_oldest_seconds", "Age of the oldest edit that is not durable: what a crash would cost.")

# -- the store --------------------------------------------------------------------------------------------

COMMIT = Histogram("store_commit_seconds", "One commit of the store, with everything that waited for it.", COMMITS)
COMMIT_ROWS = Histogram("store_commit_rows", "Updates in one commit.", ROWS)
STORE_ERRORS = Counter(
    "store_errors_total", "Failures of the store, by the word of its library.", ("code",),
    _each("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_BUSY", "SQLITE_CORRUPT", "timeout", "connection", "refused"),
)  # fmt: skip
STORE_BYTES = Gauge("store_bytes", "Size of the store.")
STORE_FREE_BYTES = Gauge("store_free_bytes", "Room that is left for it; NaN where nobody knows.")
STORE_PROMISE_KEPT = Gauge("store_promise_kept", "0 while an ack is worth something else than at the start.")
COMPACTION = Histogram("compaction_seconds", "Compacting one document.", SLOW)
COMPACTION_FAILURES = Counter("compaction_failures_total", "Compactions that failed; the log stays as it was.")

# -- what goes out ----------------------------------------------------------------------------------------

SENDS = Counter(
    "sends_total", "Messages that were written to a peer.", ("door", "transport", "kind"),
    [(*pair, kind) for pair in TRANSPORTS for kind in KINDS],
)  # fmt: skip
SENT_BYTES = Counter("sent_bytes_total", "Bytes of them.", ("door",), _each(*SESSION_DOORS))
UPDATES_SENT = Counter(
    "updates_sent_total", "Updates times their recipients, before merging.", ("door",), _each(*SESSION_DOORS)
)
FLUSH = Histogram("flush_seconds", "One flush of a document's updates or presence to everybody.", QUICK)
SESSIONS_BEHIND = Gauge("sessions_behind", "Sessions that read too slowly, and get a diff later.")
CUT_SLOW = Counter("sessions_cut_slow_total", "Sessions and connections that were cut because they took nothing.")

# -- limits -----------------------------------------------------------------------------------------------

AWARENESS_DROPPED = Counter(
    "awareness_dropped_total", "Entries of awareness that were not taken.", ("reason",),
    _each("foreign", "outdated", "refused"),
)  # fmt: skip
RATE_LIMITED = Counter(
    "rate_limited_total", "Times that somebody over a rate was made to wait.", ("scope", "limit"),
    list(product(("connection", "participant", "address", "document"), ("updates", "awareness", "requests", "bytes"))),
)  # fmt: skip

# -- requests and workers ---------------------------------------------------------------------------------

REQUESTS = Counter(
    "http_requests_total", "HTTP requests that were answered.", ("route", "method", "status"),
    [("/metrics", "GET", "200")],
)  # fmt: skip
REQUEST_SECONDS = Histogram(
    "http_request_seconds", "Answering a request; without streams, WebSockets and long polls.", SLOW, ("route",),
    _each("/metrics"),
)  # fmt: skip
READER_JOBS = Gauge("reader_jobs", "Jobs at the worker processes, those that wait included.")
READER_JOB = Histogram("reader_job_seconds", "A job at a worker process.", SLOW)
READER_KILLED = Counter(
    "reader_killed_total", "Worker processes that were lost in the midst of a job.", ("reason",),
    _each("timeout", "crash", "memory", "failed"),
)  # fmt: skip

# -- the process ------------------------------------------------------------------------------------------

LOOP_LAG = Histogram("loop_lag_seconds", "How late the event loop is.", LAG)
LOOP_STALLS = Counter("loop_stalls_total", "Times that the event loop was late by half a second or more.")
DRAINING = Gauge("draining", "1 while the server drains.")
BUILD = Gauge("build_info", "Always 1; what is running.", ("version", "python", "store", "auth"))

# -- the cluster ------------------------------------------------------------------------------------------

CLUSTER_NODES = Gauge("cluster_nodes", "Nodes that are alive, this one included.")
CLUSTER_CONNECTED = Gauge("cluster_connected", "1 while the cluster is within reach; 1 where there is none.")
CLUSTER_LAG = Gauge("cluster_lag_entries", "Entries of logs that others wrote and this node has not read yet.")
CLUSTER_APPEND = Histogram("cluster_append_seconds", "One pipeline of appends to the cluster's log.", COMMITS)
GAPS_HEALED = Counter("cluster_gaps_healed_total", "Times that a lost bell was made up for by reading the log.")
LOG_LOST = Counter("cluster_log_lost_total", "Times that a log had lost entries, and was written again from a copy.")

# -- webhooks ---------------------------------------------------------------------------------------------

WEBHOOK_DELIVERIES = Counter(
    "webhook_deliveries_total",
    "Attempts to deliver a webhook: `ok`, `retry` (it comes again), `failed` (for good), `gone` (410: disabled);"
    " and `dropped`: there was no room.",
    ("result",),
    _each("ok", "retry", "failed", "gone", "dropped"),
)
WEBHOOK_PENDING = Gauge("webhook_pending", "Webhook deliveries that wait; on the node that delivers.")
WEBHOOK_OLDEST = Gauge("webhook_oldest_seconds", "Age of the oldest of them.")


class Outgoing:
    """What is sent of one kind by one door: plain integers that writers add to, without a look-up.

    Attributes:
        messages, polling: over the door's own transport (a WebSocket, most often), and as answers to polls.
        bytes: of them.
    """

    __slots__ = ("bytes", "messages", "polling")

    def __init__(self) -> None:
        self.messages = self.polling = self.bytes = 0


_outgoing: dict[str, dict[str, Outgoing]] = {}


def outgoing_of(door: str) -> dict[str, Outgoing]:
    """Where it is counted what a door sends, by kind."""
    found = _outgoing.get(door)
    if found is None:
        found = _outgoing[door] = {kind: Outgoing() for kind in KINDS}
    return found


def total_outgoing() -> None:
    """Bring :data:`SENDS` and :data:`SENT_BYTES` up to date."""
    direct = {door: transport for door, transport in TRANSPORTS if transport != "polling"}
    for door, kinds in _outgoing.items():
        for kind, sent in kinds.items():
            SENDS.values[door, direct.get(door, "websocket"), kind] = sent.messages
            if (door, "polling", kind) in SENDS.values:
                SENDS.values[door, "polling", kind] = sent.polling
        SENT_BYTES.values[door,] = sum(sent.bytes for sent in kinds.values())
