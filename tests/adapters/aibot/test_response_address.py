"""Where the one message that may follow a callback may be sent."""

import pytest

from adapters.aibot.callback.response_address import usable_address


@pytest.mark.parametrize(
    ("address", "local", "usable"),
    [
        ("https://qyapi.weixin.qq.com/cgi-bin/aibot/response?response_code=x", False, True),
        ("https://qyapi.weixin.qq.com.evil.example/cgi-bin/aibot/response", False, False),
        ("https://qyapi.weixin.qq.com@evil.example/cgi-bin/aibot/response", False, False),
        ("https://qyapi.weixin.qq.com:8443/cgi-bin/aibot/response", False, False),
        ("http://qyapi.weixin.qq.com/cgi-bin/aibot/response", False, False),
        ("https://qyapi.weixin.qq.com/cgi-bin/../other", False, False),
        ("https://qyapi.weixin.qq.com/other", False, False),
        ("http://127.0.0.1:1/cgi-bin/aibot/response", False, False),
        ("http://127.0.0.1:1/cgi-bin/aibot/response", True, True),
        ("http://169.254.169.254/cgi-bin/aibot/response", True, False),
        ("https://[", False, False),
        (17, False, False),
        (None, False, False),
    ],
)
def test_an_address_leads_to_wecom_or_is_none(address: object, local: bool, usable: bool) -> None:  # noqa: FBT001
    assert usable is bool(usable_address(address, local=local))
