"""The settings as typed, frozen values; every key has its meaning and its default here.

Tables of `[channels.*]` and `[models.*]` keep the keys of their own kind as they are: the adapter or the
provider that understands them checks them.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from pipeline.net import is_loopback_host
from pipeline.text.credentials import database_address, possible_secret, tidy_address, tidy_credential, tidy_header
from pipeline.text.i18n import Sentence
from pipeline.text.setting_values import file_path, host_name, log_level, scrypt_hash, timezone_name, web_address

# So that no cost is more than a database's numbers hold.
_DEAREST = 1_000_000_000


class Table(BaseModel):
    """A table of the settings: frozen, and a key nobody knows is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class OpenTable(Table):
    """A table whose further keys belong to somebody else, who checks them."""

    model_config = ConfigDict(extra="allow", frozen=True, coerce_numbers_to_str=True)

    @property
    def own(self) -> Mapping[str, Any]:
        """Return the keys this table does not know."""
        return self.model_extra or {}


class Server(Table):
    """The table `[server]`."""

    host: str = "127.0.0.1"
    """The address to listen on; 0.0.0.0 for every interface."""
    port: int = Field(default=50008, ge=0, le=65535)
    """The port; 0 lets the system choose."""
    public_url: Annotated[str, AfterValidator(web_address)] = ""
    """How WeCom reaches this service from outside, such as https://bot.example.com."""
    metrics: bool = False
    """Whether /metrics is also served on this port, to anyone who can reach it; the console's port always serves it."""


class Storage(Table):
    """The table `[storage]`."""

    database_url: Annotated[SecretStr, AfterValidator(database_address)] = SecretStr(
        "sqlite+aiosqlite:///data/webot.db"
    )
    """sqlite+aiosqlite:///PATH for one process, postgresql+asyncpg://USER:PASSWORD@HOST/NAME for several."""
    pool_size: int = Field(default=14, ge=2, le=200)
    """How many connections to PostgreSQL one process may open, plus one that listens for notifications."""
    wait_seconds: float = Field(default=60.0, ge=0)
    """How long to wait at startup for PostgreSQL to accept connections, in seconds."""
    data_dir: Annotated[str, AfterValidator(file_path)] = "data"
    """The folder for media, caches and rendered files."""
    keep_turns_days: int = Field(default=7, ge=1)
    """Days that finished turns stay listed and repeated deliveries are recognised; older messages are not answered."""
    keep_media_days: int = Field(default=180, ge=0)
    """Days that pictures in transcripts are kept after they were last stored; 0 for ever."""
    retention_days: int = Field(default=0, ge=0)
    """Days that conversations are kept, with their files and exports; 0 for ever."""


class ChannelTable(OpenTable):
    """The table `[channels.<name>]`."""

    kind: str = "wecom_app"
    """The kind of channel; wecom_app is a self-built application."""
    chain: str = "default"
    """The chain that answers here."""


class ChannelSettings(Table, ABC):
    """What the settings of every kind of channel can say of themselves; their keys are the kind's own."""

    kind: str
    """The kind of channel."""

    @property
    @abstractmethod
    def missing_credentials(self) -> tuple[str, ...]:
        """Name the keys of the credentials that are not set."""

    @property
    def callback_path(self) -> str:
        """Return the path at which the platform calls, empty where it does not call."""
        return ""

    @property
    def has_credentials(self) -> bool:
        """Whether a real platform is meant; without credentials the simulator stands in."""
        return not self.missing_credentials


class ModelTable(OpenTable):
    """The table `[models.<name>]`; keys not listed here are options of the model and reach it as they are."""

    provider: str = "openai"
    """openai for services that speak the OpenAI protocol; demo for the built-in model; others are in docs/models.md."""
    model: str = ""
    """The provider's name for the model."""
    base_url: Annotated[str, AfterValidator(tidy_address)] = ""
    """The API's address; empty for the provider's own."""
    api_key: Annotated[SecretStr, AfterValidator(possible_secret)] = SecretStr("")
    """The key; with none set, models.default is the built-in demo model."""
    timeout: float = Field(default=120.0, gt=0)
    """Seconds one call may take."""
    max_retries: int = Field(default=2, ge=0, le=10)
    """How often a call is repeated on 429, 5xx and broken connections, honouring Retry-After."""
    fallbacks: tuple[str, ...] = ()
    """Other models to try, in order, when this one fails."""
    vision: bool = False
    """Whether the model can look at pictures people send."""
    requests_per_minute: int = Field(default=0, ge=0)
    """Calls that one process may make in any minute; further ones wait their turn. 0 for no limit."""
    tokens_per_minute: int = Field(default=0, ge=0)
    """Input and output tokens that one process may use in any minute; further calls wait. 0 for no limit."""
    input_price: float = Field(default=0.0, ge=0, le=_DEAREST, allow_inf_nan=False)
    """The price of a million input tokens, in the currency of `[budgets]`; 0 for free."""
    cached_input_price: float = Field(default=0.0, ge=0, le=_DEAREST, allow_inf_nan=False)
    """The price of a million input tokens out of the provider's cache; 0 for the same as `input_price`."""
    output_price: float = Field(default=0.0, ge=0, le=_DEAREST, allow_inf_nan=False)
    """The price of a million output tokens, reasoning included; 0 for free."""
    call_price: float = Field(default=0.0, ge=0, le=_DEAREST, allow_inf_nan=False)
    """The price of one call beside its tokens, for pictures, voice messages and answers read aloud; 0 for free."""
    users: tuple[str, ...] = ()
    """User ids of those who may choose this model with @model; "*" for everybody, empty for nobody."""
    title: str = ""
    """The name that @model shows; if empty, the table's name, and for models.default the provider's."""
    about: str = ""
    """What it is good at, in a few words beside the title; if empty, the provider's name of the model."""

    @property
    def key(self) -> str:
        """Return the key as it is sent: without quotes, spaces and line ends that were pasted with it."""
        return tidy_credential(self.api_key.get_secret_value())


class McpTable(Table):
    """The table `[mcp.<name>]`: a server of the Model Context Protocol, whose tools chains may name."""

    transport: Literal["stdio", "streamable_http", "sse"] = "stdio"
    """stdio for a program to start; streamable_http or the older sse for one reached at an address."""
    command: str = ""
    """The program to start; without it and without a url, the server is off."""
    args: tuple[str, ...] = ()
    """The program's arguments, one text each."""
    env: dict[str, SecretStr] = {}
    """Environment variables for the program, such as keys; of webot's own it gets only PATH, HOME and so on."""
    url: Annotated[str, AfterValidator(tidy_address)] = ""
    """The server's address, such as https://example.com/mcp."""
    headers: dict[str, Annotated[SecretStr, AfterValidator(tidy_header)]] = {}
    """Headers sent with every request, such as Authorization."""
    timeout: float = Field(default=30.0, gt=0)
    """Seconds that connecting and each use of a tool may take."""
    tools: tuple[str, ...] = ()
    """The tools that chains may use, by the names the server gives them; empty for all."""


class Chat(Table):
    """The table `[chat]`."""

    turns: int = Field(default=10, ge=0, le=1000)
    """How many of the person's earlier messages the model sees, each with its reply."""
    idle_minutes: int = Field(default=60, ge=0)
    """Minutes without a message after which the next one begins a new conversation; 0 for never."""
    system_prompt: str = ""
    """Instructions that the model reads first; if empty, those of the chain."""
    hide_thinking: bool = True
    """Whether reasoning that a model writes into its answer is removed before the answer is sent."""
    thinking_seconds: float = Field(default=15.0, ge=0)
    """Seconds without an answer after which one "still thinking" message is sent; 0 for never."""
    picture_seconds: float = Field(default=120.0, ge=0)
    """Seconds after a picture within which the person's next message is taken to be about it; 0 for never."""
    gather_seconds: float = Field(default=0.0, ge=0, le=60)
    """Seconds within which consecutive messages of one person are answered together; 0 for never."""
    language: Literal["zh", "en"] = "zh"
    """The language of webot's own messages in the chat."""
    timezone: Annotated[str, AfterValidator(timezone_name)] = ""
    """The time zone in which times are shown and days are counted, such as "Asia/Shanghai"; empty for the machine's."""


PdfEngine = Literal["auto", "markdown-pdf", "typst"]


class Export(Table):
    """The table `[export]`."""

    pdf_engine: PdfEngine = "auto"
    """What makes PDF pages: auto uses typst, and markdown-pdf where typst leaves anything out."""
    volume_mb: float = Field(default=19.0, gt=0, le=20)
    """Megabytes a document sent in the chat may have; a larger one is sent in volumes. WeCom takes 20."""
    kept_files: int = Field(default=30, ge=1)
    """How many documents made by @export are kept for one person; they are deleted after `keep_turns_days`."""
    kept_mb: float = Field(default=300.0, gt=0)
    """How many megabytes those documents may take; a person at the limit has to wait until the oldest are deleted."""


class Replay(Table):
    """The table `[replay]`."""

    users: tuple[str, ...] = ()
    """User ids of those whose questions `webot chains replay` may ask again; "*" for everybody, empty for nobody."""


class Network(Table):
    """The table `[network]`."""

    proxy: SecretStr = SecretStr("")
    """An http:// or https:// proxy for all outgoing requests; without a port, 80 or 443 is used."""


class Limits(Table):
    """The table `[limits]`."""

    users: tuple[str, ...] = ()
    """User ids of those who may use webot; "*" for everybody. If this and departments are empty, everybody may."""
    departments: tuple[int, ...] = ()
    """Departments whose members may use webot."""
    per_user_per_minute: int = Field(default=20, ge=0)
    """Messages that one person may send in a minute; 0 for no limit."""
    max_concurrent_turns: int = Field(default=1000, ge=1)
    """How many people are answered at once by one process."""
    turn_seconds: float = Field(default=300.0, gt=0)
    """Seconds after which an unfinished answer is given up."""
    turn_attempts: int = Field(default=3, ge=1)
    """How many times a turn is attempted; after that it has failed, and the person is told."""
    send_attempts: int = Field(default=12, ge=1)
    """How many times sending a message is tried before it is kept as undelivered."""
    drain_seconds: float = Field(default=20.0, ge=0)
    """Seconds that running turns have to finish when the service stops."""


class Budgets(Table):
    """The table `[budgets]`."""

    currency: str = "CNY"
    """The currency of prices and budgets, as it is shown to people."""
    per_user_per_day: float = Field(default=0.0, ge=0, le=_DEAREST, allow_inf_nan=False)
    """What answering one person may cost in a day, on one channel; 0 for no limit."""
    per_user_per_month: float = Field(default=0.0, ge=0, le=_DEAREST, allow_inf_nan=False)
    """What answering one person may cost in a calendar month, on one channel; 0 for no limit."""
    per_day: float = Field(default=0.0, ge=0, le=_DEAREST, allow_inf_nan=False)
    """What answering everybody may cost in a day; 0 for no limit."""
    per_month: float = Field(default=0.0, ge=0, le=_DEAREST, allow_inf_nan=False)
    """What answering everybody may cost in a calendar month; 0 for no limit."""
    cheaper: str = ""
    """The table under `[models]` that answers once a budget is spent; if empty, people are told to wait."""
    warn_at: float = Field(default=0.8, ge=0, le=1)
    """The share of per_day and per_month at which `budget_nearly_spent` is logged, once; 0 for never."""


class Console(Table):
    """The table `[console]`."""

    host: str = ""
    """The address on which the console, /operations and /metrics listen; empty: the same as [server] while that is
    loopback and no channel has credentials, otherwise 127.0.0.1 with the port below."""
    port: int = Field(default=50009, ge=0, le=65535)
    """The console's port when it has its own; 0 lets the system choose, and so does [server] port = 0."""
    hosts: tuple[Annotated[str, AfterValidator(host_name)], ...] = ()
    """More host names under which browsers may open the console; this machine's, host and public_url always work."""
    password_hash: Annotated[SecretStr, AfterValidator(scrypt_hash)] = SecretStr("")
    """What `webot console-password` prints; once it is set, the console asks everyone for that password."""
    generate_password: bool = False
    """Whether the first start makes a password if password_hash is empty; it is printed once, and its hash is kept in
    data_dir."""
    remote: bool = False
    """Whether the console may be used from other machines, through a proxy on this one; it needs a password."""
    prompt_engineers_read: bool = False
    """Whether users of the role prompt_engineer may read people's conversations; operators always may."""

    @property
    def answers_others(self) -> bool:
        """Whether other machines than this one are answered."""
        return self.remote or bool(self.host and not is_loopback_host(self.host))

    @model_validator(mode="after")
    def _needs_a_password(self) -> Self:
        if self.answers_others and not (self.password_hash.get_secret_value() or self.generate_password):
            opens = "remote = true" if self.remote else f"host = {self.host!r}"
            raise ValueError(Sentence("setting.open_console", opens=opens))
        return self


class Simulator(Table):
    """The table `[simulator]`."""

    enabled: bool = True
    """Whether channels without WeCom credentials talk to the built-in simulator."""


class Log(Table):
    """The table `[log]`."""

    level: Annotated[str, AfterValidator(log_level)] = "INFO"
    """debug, info, warning, error or critical."""
    format: Literal["text", "json"] = "text"
    """text for people to read, json for programs."""
    output: Literal["console", "file", "both"] = "console"
    """Where log lines go."""
    path: Annotated[str, AfterValidator(file_path)] = "data/logs/webot.log"
    """The log file; a new one is started each day, and sooner when it gets large."""
    date_format: str = "%Y-%m-%d %H:%M:%S"
    """How times are written, in the notation of strftime."""
    rotation_count: int = Field(default=10, ge=0)
    """How many rotated files are kept."""
    rotation_mb: float = Field(default=50.0, ge=0, le=1_000_000)
    """Megabytes after which a new log file is started; 0 for no limit."""


class MenuButton(Table):
    """A button of the app's menu: a click with a command as key, a page with a url, or a group of buttons."""

    name: str
    """What the button shows."""
    key: str = ""
    """The command a click sends, such as @clear."""
    url: str = ""
    """The page the button opens."""
    buttons: tuple["MenuButton", ...] = ()
    """The buttons of a group."""


def _default_menu(name: str, clear: str, export: str, help_: str) -> tuple[MenuButton, ...]:
    keys = {"@clear": clear, "@export": export, "@help": help_}
    return (MenuButton(name=name, buttons=tuple(MenuButton(name=each, key=key) for key, each in keys.items())),)


_CHINESE_MENU = _default_menu("快捷指令", "清除上下文", "导出", "帮助")
_ENGLISH_MENU = _default_menu("Commands", "New conversation", "Export", "Help")


class Menu(Table):
    """The table `[menu]`."""

    buttons: tuple[MenuButton, ...] = _CHINESE_MENU
    """The app's menu, as `webot menu push` sets it. The default menu is in English where `[chat] language` is `en`."""


class Settings(Table):
    """Everything the settings say."""

    server: Server = Server()
    storage: Storage = Storage()
    channels: dict[str, ChannelTable] = {"wecom": ChannelTable()}
    models: dict[str, ModelTable] = {"default": ModelTable(), "image": ModelTable()}
    mcp: dict[str, McpTable] = {}
    chat: Chat = Chat()
    export: Export = Export()
    replay: Replay = Replay()
    network: Network = Network()
    limits: Limits = Limits()
    budgets: Budgets = Budgets()
    console: Console = Console()
    simulator: Simulator = Simulator()
    log: Log = Log()
    menu: Menu = Menu()

    @property
    def menu_buttons(self) -> tuple[MenuButton, ...]:
        """Return the app's menu, the default one in the language webot speaks in the chat."""
        is_default = self.menu.buttons == _CHINESE_MENU
        return _ENGLISH_MENU if is_default and self.chat.language == "en" else self.menu.buttons
