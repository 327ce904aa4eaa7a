"""Settings in layers: which value holds, and where it comes from."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from pipeline.errors import SettingsInvalid
from pipeline.settings import Settings
from tests.web.settings_files import KINDS, PretendApp, write
from web.settings.loading import load, load_settings, secrets_of, settings_folder

ROOT = Path(__file__).parents[3]


def test_a_folder_without_files_gives_the_defaults(tmp_path: Path) -> None:
    assert Settings() == load_settings(tmp_path, {})


def test_the_committed_file_says_what_the_program_would_do_without_it(tmp_path: Path) -> None:
    write(tmp_path, settings=(ROOT / "settings.toml").read_text(encoding="utf-8"))

    written = load_settings(tmp_path, {})
    plain = Settings()
    parts = ("server", "storage", "chat", "network", "limits", "console", "simulator", "log", "menu")

    assert {name: getattr(plain, name) for name in parts} == {name: getattr(written, name) for name in parts}
    assert plain.models["default"] == written.models["default"]


def test_a_later_layer_wins_over_an_earlier_one(tmp_path: Path) -> None:
    write(tmp_path, settings="chat.turns = 1", local="chat.turns = 2", secrets="chat.turns = 3")

    assert 3 == load_settings(tmp_path, {}).chat.turns
    assert 4 == load_settings(tmp_path, {"WEBOT_CHAT__TURNS": "4"}).chat.turns


def test_a_table_in_a_later_layer_changes_only_the_keys_it_names(tmp_path: Path) -> None:
    write(
        tmp_path,
        settings='[models.default]\nmodel = "small"\ntimeout = 7\n',
        secrets='[models.default]\napi_key = "sk-1"\n',
    )

    model = load_settings(tmp_path, {}).models["default"]

    assert ("small", 7.0, "sk-1") == (model.model, model.timeout, model.api_key.get_secret_value())


def test_a_list_is_replaced_whole(tmp_path: Path) -> None:
    write(tmp_path, settings='limits.users = ["a", "b"]', local='limits.users = ["c"]')

    assert ("c",) == load_settings(tmp_path, {}).limits.users
    assert ("d", "e") == load_settings(tmp_path, {"WEBOT_LIMITS__USERS": '["d", "e"]'}).limits.users


def test_a_second_channel_stands_beside_the_first(tmp_path: Path) -> None:
    write(tmp_path, settings='[channels.wecom]\npath = "/gpt"', local='[channels.hr]\npath = "/hr"')

    assert {"wecom", "hr"} == set(load_settings(tmp_path, {}).channels)


def test_the_settings_cannot_be_changed_once_loaded(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, {})

    with pytest.raises(ValidationError):
        settings.chat.turns = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    "typed",
    [
        "12e5",
        "1234567890123456789012",
        "2024-01-01",
        "true",
        "@jinja {{ 1 + 1 }}",
        "@int 5",
        "[a]",
        '"q"',
        " x ",
        "1_0",
    ],
)
def test_text_from_the_environment_stays_what_was_typed(tmp_path: Path, typed: str) -> None:
    environ = {
        "WEBOT_MODELS__DEFAULT__API_KEY": typed,
        "WEBOT_CHAT__SYSTEM_PROMPT": typed,
        "WEBOT_CHANNELS__WECOM__TOKEN": typed,
    }

    loaded = load(tmp_path, environ, KINDS)
    channel = loaded.channels["wecom"]
    assert isinstance(channel, PretendApp)
    token = channel.token

    assert typed == loaded.settings.models["default"].api_key.get_secret_value()
    assert typed == loaded.settings.chat.system_prompt
    assert typed == token.get_secret_value()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        pytest.param("0.5", 0.5, id="a number"),
        pytest.param("True", True, id="Python's way of saying yes"),
        pytest.param('["a"]', ["a"], id="a list"),
        pytest.param("{ enable_thinking = false }", {"enable_thinking": False}, id="an inline table"),
        pytest.param("high", "high", id="what is not TOML is text"),
        pytest.param("@read_file /etc/hostname", "@read_file /etc/hostname", id="no file is read"),
    ],
)
def test_other_values_from_the_environment_are_toml(tmp_path: Path, typed: str, meant: object) -> None:
    own = load_settings(tmp_path, {"WEBOT_MODELS__DEFAULT__OPTION": typed}).models["default"].own

    assert {"option": meant} == own


def test_names_from_the_environment_take_the_files_letters_or_small_ones(tmp_path: Path) -> None:
    write(tmp_path, local='[models.DeepSeek]\nmodel = "chat"\n')
    environ = {"WEBOT_MODELS__DEEPSEEK__API_KEY": "k", "WEBOT_MODELS__NEW__EXTRA_BODY__TOP_K": "5"}

    models = load_settings(tmp_path, environ).models

    assert ("chat", "k") == (models["DeepSeek"].model, models["DeepSeek"].api_key.get_secret_value())
    assert {"extra_body": {"top_k": 5}} == models["new"].own


def test_values_in_files_are_never_evaluated(tmp_path: Path) -> None:
    write(
        tmp_path, settings='chat.system_prompt = "@jinja {{ 1 + 1 }}"', local='models.default.model = "@format {this}"'
    )

    settings = load_settings(tmp_path, {})

    assert ("@jinja {{ 1 + 1 }}", "@format {this}") == (settings.chat.system_prompt, settings.models["default"].model)


def test_variables_that_are_no_settings_are_left_alone(tmp_path: Path) -> None:
    environ = {"WEBOT_SETTINGS_DIR": "/x", "WEBOT_PORT": "tcp://10.0.0.1:50008", "PATH": "/bin", "WEBOTS__A": "1"}

    assert Settings() == load_settings(tmp_path, environ)


def test_a_variable_with_one_underscore_too_few_is_hinted_at(tmp_path: Path) -> None:
    assert ("WEBOT_CHAT_TURNS is not a setting; WEBOT_CHAT__TURNS is",) == load(
        tmp_path,
        {"WEBOT_CHAT_TURNS": "5"},
    ).hints


def test_a_model_option_that_looks_like_a_misspelt_key_is_hinted_at(tmp_path: Path) -> None:
    write(
        tmp_path,
        local='[models.default]\napi_kye = "x"\ntemprature = 0.5\nmax_token = 5\ntemperature = 0.5\nmax_tokens = 5\n'
        'user = "u"\nn_predict = 5\nmin_tokens = 5\ntop_a = 0.5',
    )

    assert [
        f"settings.local.toml: [models.default] {key} goes to the model as it is; did you mean {meant}?"
        for key, meant in (("api_kye", "api_key"), ("temprature", "temperature"), ("max_token", "max_tokens"))
    ] == list(load(tmp_path, {}).hints)


def test_a_byte_order_mark_is_no_part_of_the_settings(tmp_path: Path) -> None:
    write(tmp_path, local="\ufeff[chat]\nturns = 3")

    assert 3 == load_settings(tmp_path, {}).chat.turns


def test_whole_numbers_are_good_user_ids(tmp_path: Path) -> None:
    write(tmp_path, local='limits.users = [10001, "zhang"]')

    assert ("10001", "zhang") == load_settings(tmp_path, {}).limits.users


def test_the_folder_is_the_one_the_environment_names() -> None:
    assert Path("/etc/webot") == settings_folder({"WEBOT_SETTINGS_DIR": "/etc/webot"})
    assert Path() == settings_folder({})


def test_each_value_remembers_its_layer(tmp_path: Path) -> None:
    write(tmp_path, settings="chat.turns = 1", local="chat.idle_minutes = 2", secrets='models.default.api_key = "k"')

    layers = load(tmp_path, {"WEBOT_SERVER__PORT": "1"}).layers

    assert "settings.toml" == layers.origin(("chat", "turns"))
    assert "settings.local.toml" == layers.origin(("chat", "idle_minutes"))
    assert ".secrets.toml" == layers.origin(("models", "default", "api_key"))
    assert "WEBOT_SERVER__PORT" == layers.origin(("server", "port"))
    assert "" == layers.origin(("log", "level"))


def test_every_secret_that_is_set_is_known(tmp_path: Path) -> None:
    write(
        tmp_path,
        secrets="""
            network.proxy = "http://me:pass@proxy"
            [models.default]
            api_key = "sk-1"
            default_headers = { Authorization = "Bearer abc", Accept = "text" }
            [channels.wecom]
            token = "tok"
        """,
    )

    assert {"http://me:pass@proxy", "sk-1", "Bearer abc", "tok"} == set(secrets_of(load(tmp_path, {}, KINDS)))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('[storage]\ndata_dir = "a\\u0000b"', "[storage] data_dir"),
        ('[storage]\ndatabase_url = "sqlite:///a\\u0000b"', "[storage] database_url"),
        ('[limits]\nusers = ["a", "\\u0000"]', "[limits] users[1]"),
        ('[models.default]\ndefault_headers = {a = "\\u0000"}', "[models.default] default_headers.a"),
        ('[models."a\\u0000"]\nmodel = "m"', "[models.a\0]"),
        ('[channels.wecom]\ncorp_id = "\\u0000"', "[channels.wecom] corp_id"),
    ],
)
def test_the_character_nul_is_refused_wherever_it_stands(text: str, place: str, tmp_path: Path) -> None:
    write(tmp_path, local=text)
    with pytest.raises(SettingsInvalid) as refused:
        load_settings(tmp_path, {})

    said = f"settings.local.toml: {place}: holds the character NUL (\\u0000), which no setting may"
    assert said in refused.value.problems
