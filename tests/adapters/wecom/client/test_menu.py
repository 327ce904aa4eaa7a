import pytest

from adapters.wecom.client.menu import menu_body
from pipeline.errors import SettingsInvalid
from pipeline.settings import MenuButton


@pytest.mark.parametrize(
    ("buttons", "problem"),
    [
        pytest.param((), "found 0, expected 1 to 3", id="no button"),
        pytest.param(tuple(MenuButton(name="x", key="k") for _ in range(4)), "found 4", id="four buttons"),
        pytest.param((MenuButton(name="一二三四五六", key="k"),), "18 bytes, expected at most 16", id="a long name"),
        pytest.param((MenuButton(name="x", key="k" * 129),), "129 bytes", id="a long key"),
        pytest.param((MenuButton(name="x"),), "one of key, url and buttons", id="a button for nothing"),
        pytest.param((MenuButton(name="x", key="k", url="u"),), "one of key, url and buttons", id="a button for two"),
        pytest.param((MenuButton(name="", key="k"),), "expected a name", id="a button without a name"),
        pytest.param(
            (MenuButton(name="x", buttons=tuple(MenuButton(name="y", key="k") for _ in range(6))),),
            "found 6 buttons",
            id="a group of six",
        ),
    ],
)
def test_a_menu_wecom_would_refuse_says_why(buttons: tuple[MenuButton, ...], problem: str) -> None:
    with pytest.raises(SettingsInvalid, match=problem):
        menu_body(buttons)


def test_a_button_may_open_a_page() -> None:
    body = menu_body([MenuButton(name="官网", url="https://example.com")])

    assert body == {"button": [{"type": "view", "name": "官网", "url": "https://example.com"}]}
