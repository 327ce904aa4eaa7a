"""A console that is to have its own address, on the port that [server] has: told as such before anything is bound."""

from pathlib import Path

import pytest

from pipeline.errors import SettingsInvalid
from tests.web.settings_files import write
from tests.web.shell import webot
from web.settings.addresses import Address, Addresses

EVERY = "0.0.0.0"  # noqa: S104 -- compared, not bound
CLASHES = (
    ("127.0.0.1", "127.0.0.1"), ("127.0.0.1", "localhost"), ("LOCALHOST", "localhost"), (EVERY, "127.0.0.1"),
    ("10.0.0.1", EVERY), ("::", "127.0.0.1"), ("::1", "::"), (EVERY, "::"),
)  # fmt: skip
BESIDE = (("127.0.0.1", "127.0.0.2"), (EVERY, "::1"), ("10.0.0.1", "127.0.0.1"), ("::1", "127.0.0.1"))


@pytest.mark.parametrize(("server", "console"), CLASHES)
def test_two_sockets_cannot_share_a_port(server: str, console: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"\[console\] port: .*:50008 is taken by \[server\]"):
        Addresses(Address("server", server, 50008), Address("console", console, 50008)).check()


@pytest.mark.parametrize(("server", "console"), BESIDE)
def test_on_addresses_of_their_own_they_can(server: str, console: str) -> None:
    Addresses(Address("server", server, 50008), Address("console", console, 50008)).check()


@pytest.mark.parametrize("verb", ["check", "serve", "doctor"])
async def test_every_verb_says_so_beside_the_other_mistakes(tmp_path: Path, verb: str) -> None:
    clash = '[server]\nport = 50009\n[console]\nhost = "127.0.0.1"\n'
    write(tmp_path, local=f'{clash}[budgets]\ncheaper = "nobody"\n')
    ran = await webot(verb, folder=tmp_path)
    output = ran.out + ran.err

    assert 1 == ran.code
    assert "[console] port: 127.0.0.1:50009 已被 [server] 使用" in output
    assert verb == "doctor" or "[budgets].cheaper: 现在是 'nobody'，可用的有 default" in output
