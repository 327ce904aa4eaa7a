"""Addresses of servers as people write them: what cannot be right is refused with what would be, the rest doubted."""

from pathlib import Path

import pytest

from chains.models.openai.base_url import address_doubt, address_problem
from pipeline.errors import AnswerFailed
from pipeline.text.i18n import Catalogue, in_language
from tests.chains.harness import open_chains_harness
from tests.fakes.openai_server import Fails, OpenAIServer, Raw
from tests.web.shell import webot


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        pytest.param("https://x.cn/v1/chat/completions", "the address before it: 'https://x.cn/v1'", id="a call"),
        pytest.param("https://x.cn/v1/chat/completions/", "before it: 'https://x.cn/v1'", id="with a slash"),
        pytest.param("https://x.cn/chat/completions", "before it: 'https://x.cn/v1'", id="without a version"),
        pytest.param(
            "https://open.bigmodel.cn/chat/completions",
            "'https://open.bigmodel.cn/api/paas/v4'",
            id="of Zhipu",
        ),
        pytest.param("https://x.cn/v1/images/generations", "before it: 'https://x.cn/v1'", id="of pictures"),
        pytest.param("https://x.cn/v1?key=sk-1", "found 'https://x.cn/v1?***', needs the address without", id="query"),
        pytest.param("x.cn/v1/chat/completions", "did you mean 'https://x.cn/v1'?", id="no scheme"),
        pytest.param("127.0.0.1:8000/v1", "did you mean 'http://127.0.0.1:8000/v1'?", id="this machine"),
        pytest.param("ftp://u:pw@x.cn/v1", "found 'ftp://***@x.cn/v1', needs an http:// or https://", id="a scheme"),
        pytest.param("https://", "which names no server", id="no server"),
        pytest.param("https://x cn/v1", "which names no server", id="a space"),
        pytest.param("https://[::1/v1", "which names no server", id="half a bracket"),
        pytest.param("https://x.cn:port/v1", "which names no server", id="a port"),
    ],
)
def test_an_address_that_cannot_be_right_is_refused_with_what_would_be(address: str, expected: str) -> None:
    problem = address_problem(address)

    assert problem is not None
    assert expected in problem
    assert in_language(problem, Catalogue("zh")).startswith("现在是")


@pytest.mark.parametrize("login", ["u:pw-SECRET", "u:pw/SECRET", "u:pw?SECRET", "u:pw#SECRET", "u:p@SECRET", "SECRET"])
@pytest.mark.parametrize(
    "address",
    [
        "https://{}@x.cn/v1?key=SECRET",
        "https://{}@x.cn/v1#key=SECRET",
        "https://{}@x.cn/v1/chat/completions",
        "https://{}@x.cn/v1/chat/completions?key=SECRET",
        "https://{}@x.cn:port/v1",
        "https://{}@x cn/v1",
        "ftp://{}@x.cn/v1",
        "https://{}@api.openai.com",
    ],
)
def test_no_secret_in_an_address_is_shown_with_what_is_wrong_or_would_be_right(login: str, address: str) -> None:
    address = address.format(login)

    for said in (address_problem(address), address_doubt(address)):
        assert said is None or "SECRET" not in said + in_language(said, Catalogue("zh"))


@pytest.mark.parametrize(
    ("address", "near"),
    [
        ("https://api.deepseek.com", ""),
        ("https://x.cn/v1/", ""),
        ("https://x.services.ai.azure.com/models", ""),
        ("https://x.cn/openai/v1", ""),
        ("https://api.openai.com", "https://api.openai.com/v1"),
        ("http://127.0.0.1:11434/", "http://127.0.0.1:11434/v1"),
        ("https://dashscope.aliyuncs.com/compatible-mode", "https://dashscope.aliyuncs.com/compatible-mode/v1"),
    ],
)
def test_an_address_that_is_possible_is_taken_and_doubted_where_most_are_elsewhere(address: str, near: str) -> None:
    assert address_problem(address) is None
    doubt = address_doubt(address)
    assert ("" if doubt is None else doubt.values["near"]) == (repr(near) if near else "")


@pytest.mark.parametrize(
    "act",
    [Fails(404, message="Not Found"), Raw(b"<html>hello</html>", content_type="text/html")],
    ids=["404", "a page"],
)
async def test_the_first_error_says_where_the_server_most_likely_is(act: Fails | Raw) -> None:
    async with OpenAIServer(otherwise=lambda _: act) as server:
        address = server.base_url.removesuffix("/v1")
        async with open_chains_harness(address) as it:
            with pytest.raises(AnswerFailed) as failed:
                await it.outcome("你好")

    assert f"most servers answer at '{address}/v1'" in str(failed.value)


async def test_a_slash_at_the_end_changes_nothing(server: OpenAIServer) -> None:
    async with open_chains_harness(server.base_url + "//") as it:
        await it.outcome("你好")

    assert "/v1/chat/completions" == server.asked[0].path


async def test_check_and_doctor_say_it_in_the_language_of_the_settings(tmp_path: Path) -> None:
    async with OpenAIServer(otherwise=lambda _: Fails(404, message="Not Found")) as server:
        address = server.base_url.removesuffix("/v1")
        file = tmp_path / "settings.toml"
        file.write_text(f'[models.default]\nmodel = "m"\nbase_url = "{address}/chat/completions"\n')
        wrong = await webot("check", folder=tmp_path)
        file.write_text(f'[models.default]\nmodel = "m"\nbase_url = "{address}"\nmax_retries = 0\n')
        doubted = await webot("check", folder=tmp_path)
        examined = await webot("doctor", folder=tmp_path)

    assert (1, 0) == (wrong.code, doubted.code)
    assert f"[models.default].base_url: 现在是 '{address}/chat/completions'，这是某个接口的完整地址" in wrong.err
    assert "settings.toml" in wrong.err
    assert f"多数服务的地址是 '{address}/v1'" in doubted.err
    assert (
        f"地址可能不完整：[models.default].base_url: 现在是 '{address}'；多数服务的地址是 '{address}/v1'"
        in examined.out
    )
