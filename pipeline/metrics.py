"""What is counted, for `/metrics`; labels are few and never a person."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

REGISTRY = CollectorRegistry()

CALLBACKS = Counter("webot_callbacks", "Callbacks by channel and outcome", ["channel", "outcome"], registry=REGISTRY)
BUBBLES_LEFT = Counter(
    "webot_bot_bubbles_left",
    "Bubbles that webot could no longer end, so that WeCom shows them as growing until it gives them up",
    ["channel"],
    registry=REGISTRY,
)
REFUSED_CALLBACKS = Counter(
    "webot_callbacks_refused",
    "Callbacks that were not accepted, by channel and reason",
    ["channel", "reason"],
    registry=REGISTRY,
)
DROPPED_EVENTS = Counter(
    "webot_events_dropped",
    "Events that were acknowledged and not answered, by channel and reason",
    ["channel", "reason"],
    registry=REGISTRY,
)
DUPLICATES = Counter(
    "webot_events_duplicate", "Deliveries of an event that had been accepted before", ["channel"], registry=REGISTRY
)
INVALID_REQUESTS = Counter(
    "webot_requests_invalid",
    "Connections that were closed for what came over them, by reason",
    ["reason"],
    registry=REGISTRY,
)
TURNS = Counter("webot_turns", "Turns by how they ended", ["state"], registry=REGISTRY)
RUNNING = Gauge("webot_turns_running", "Turns that run now", registry=REGISTRY)
SETTINGS_REFUSED = Gauge(
    "webot_settings_edit_refused", "1 while the settings files say what cannot be used", registry=REGISTRY
)
MODEL_WAITING = Gauge("webot_model_waiting", "Calls that wait for a model's rate limit", ["model"], registry=REGISTRY)
ANSWER_SECONDS = Histogram(
    "webot_answer_seconds",
    "From accepting an event to recording its answer",
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300),
    registry=REGISTRY,
)
TOKENS = Counter(
    "webot_tokens",
    "Tokens by chain, model and whether they were given or answered",
    ["chain", "model", "kind"],
    registry=REGISTRY,
)
COST = Counter(
    "webot_cost", "What answers cost, in the currency of the settings", ["chain", "model"], registry=REGISTRY
)
BUDGETS = Counter(
    "webot_budget_spent", "Answers that a spent budget changed", ["whose", "period", "outcome"], registry=REGISTRY
)
SENDS = Counter("webot_sends", "Parts by channel and what became of them", ["channel", "outcome"], registry=REGISTRY)
LEDGER_FAILURES = Counter(
    "webot_ledger_failures",
    "Transactions of the inbox that failed, by SQLSTATE, SQLite's code, or the exception",
    ["code"],
    registry=REGISTRY,
)
LANES_BROKEN = Counter(
    "webot_lane_restarts", "Times a lane's work ended in an error and was begun again", registry=REGISTRY
)
LOOP_UP = Gauge(
    "webot_loop_up", "1 while a background loop runs, 0 while it waits to be begun again", ["loop"], registry=REGISTRY
)
LOOP_RESTARTS = Counter(
    "webot_loop_restarts", "Times a background loop ended and was begun again", ["loop"], registry=REGISTRY
)
OPERATOR_NEEDED = Counter(
    "webot_operator_needed",
    "Sends that an operator has to make work, by the platform's code such as 60020",
    ["channel", "code"],
    registry=REGISTRY,
)
MODEL_ERRORS = Counter(
    "webot_answers_failed", "Answers that could not be made, by what the person was told", ["reason"], registry=REGISTRY
)
CUT_ANSWERS = Counter(
    "webot_answers_cut", "Answers that are not whole: length, filtered or interrupted", ["reason"], registry=REGISTRY
)
SHORTENED_HISTORIES = Counter(
    "webot_histories_shortened",
    "Answers for which earlier exchanges were left out because the model refused them: too_long or filtered",
    ["reason"],
    registry=REGISTRY,
)
READY = Gauge(
    "webot_ready", "1 while a part works, 0 while /readyz says what is wrong with it", ["part"], registry=REGISTRY
)
WAITING = Gauge("webot_turns_open", "Turns that wait or run, of all processes on the database", registry=REGISTRY)
OLDEST = Gauge("webot_turns_oldest_seconds", "Age of the oldest turn that waits or runs", registry=REGISTRY)
FREE_DISK = Gauge("webot_disk_free_bytes", "Free space where data_dir is", registry=REGISTRY)
LEASE = Gauge(
    "webot_lease_seconds", "How long the lease on a shared PostgreSQL holds yet; +Inf on SQLite", registry=REGISTRY
)
SCHEMA = Info("webot_schema", "The schema this process works with", registry=REGISTRY)
BUILD = Info("webot_build", "What runs", registry=REGISTRY)
