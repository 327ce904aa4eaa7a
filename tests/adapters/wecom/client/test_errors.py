import pytest

from adapters.wecom.client.errors import MediaExpired, error_for, without_secrets
from pipeline.errors import TryAgain, Undeliverable

WAITS = [(-1, 2, False), (40014, 5, False), (42001, 5, False), (45009, 60, False), (45033, 3, False), (60020, 60, True)]
GIVEN_UP = [
    40003, 46004, 60111, 81013, 50002, 60011, 40031, 40032, 40066, 40068, 82002, 82003, 40004, 40005, 40006, 40009,
    40011, 40029, 40039, 40050, 86001, 86003, 86004, 86006, 86215, 86216, 86217, 43004, 44004, 45001, 45002, 45007,
    45008, 45032, 45029, 46003, 301016, 301017, 830002, 95001, 95002, 95007, 95013, 95016, 95018, 93006,
]  # fmt: skip
ALERTED = [
    40001, 40013, 41002, 41004, 40054, 40055, 40056, 40057, 43012, 48002, 48005, 48006, 50001, 80001, 85005, 50003,
    93000, 93004, 93008, 95000, 95004, 95011, 95012, 95014, 95017, 301002, 301007, 701008, 41001, 40008, 40033, 40035,
    40058, 40063, 41006, 41009, 41011, 44001, 82001,
]  # fmt: skip


@pytest.mark.parametrize(("errcode", "after", "alert"), WAITS)
def test_what_may_work_later_says_when(errcode: int, after: float, alert: bool) -> None:  # noqa: FBT001
    error = error_for(errcode, "hint")

    assert isinstance(error, TryAgain)
    assert (after, alert) == (error.after, error.alert)
    assert str(errcode) in str(error)


@pytest.mark.parametrize("errcode", GIVEN_UP)
def test_what_the_person_or_the_message_is_to_blame_for_is_given_up(errcode: int) -> None:
    error = error_for(errcode, "hint")

    assert isinstance(error, Undeliverable)
    assert not error.alert


@pytest.mark.parametrize("errcode", ALERTED)
def test_what_the_set_up_is_to_blame_for_reaches_an_operator(errcode: int) -> None:
    error = error_for(errcode, "hint")

    assert isinstance(error, Undeliverable)
    assert error.alert


@pytest.mark.parametrize(("errcode", "held"), [(93006, True), (60111, True), (81013, True), (45001, False), (1, False)])
def test_what_depends_on_whether_somebody_may_be_written_to_goes_with_their_next_message(
    errcode: int,
    held: bool,  # noqa: FBT001
) -> None:
    error = error_for(errcode, "hint")

    assert isinstance(error, Undeliverable)
    assert held is error.until_message


def test_an_expired_media_id_asks_for_another_upload() -> None:
    assert isinstance(error_for(40007, "invalid media_id"), MediaExpired)


@pytest.mark.parametrize("errcode", [1, 99999, -7, 846607])
def test_a_code_nobody_knows_reaches_an_operator(errcode: int) -> None:
    error = error_for(errcode, "whatever")

    assert isinstance(error, Undeliverable)
    assert error.alert


@pytest.mark.parametrize(
    ("errmsg", "address"),
    [
        ("not allow to access from your ip, hint: [1], from ip: 203.0.113.7, more info at https://x", "203.0.113.7"),
        ("not allow to access from your ip, from ip: 2001:db8::1", "2001:db8::1"),
    ],
)
def test_a_refused_address_is_named(errmsg: str, address: str) -> None:
    error = error_for(60020, errmsg)

    assert f"({address})" in str(error)
    assert "企业可信IP" in str(error)


@pytest.mark.parametrize(
    ("errmsg", "logged"),
    [
        ("invalid access_token=abc123&x=1", "invalid access_token=***&x=1"),
        ('{"corpsecret": "abc123"}', '{"corpsecret": "***"}'),
        ("Token : abc", "Token : ***"),
        ("bad " + "aZ09_-" * 10, "bad ***"),
        ("two\nlines\r\nand more", "two lines and more"),
        ("hint: [1700000000123456789012345], from ip: 1.2.3.4", "hint: [1700000000123456789012345], from ip: 1.2.3.4"),
        ("字" * 500, "字" * 300),
    ],
)
def test_what_looks_like_a_secret_is_not_logged(errmsg: str, logged: str) -> None:
    assert logged == without_secrets(errmsg)
