"""The command `webot`: finds its verbs in web/commands, and says what went wrong in one message."""

import ast
import atexit
import gc
import importlib
import os
import pkgutil
import sys
from collections.abc import Sequence
from gettext import gettext
from pathlib import Path
from types import ModuleType
from typing import IO, Any, Literal

import click

import web.commands
from pipeline.errors import SettingsInvalid, WebotError
from web.operator.shell import Shell
from web.settings.language import shell_language
from web.terminal.click_words import click_speaks
from web.terminal.encoding import write_what_terminals_show
from web.terminal.verb_help import HELP, chinese_help, option_key, spoken_command

INTERRUPTED = 130

_SETTINGS, _SETTINGS_DIR = "--settings", "WEBOT_SETTINGS_DIR"

_OWNER_ALONE = 0o077
"""What is taken from the modes of files and folders: everything of others."""


class Verbs(click.Group):
    """A group whose commands are the modules of a package, imported when they are used."""

    def __init__(self, package: ModuleType) -> None:
        super().__init__(
            name="webot",
            help="webot answers people in WeCom (企业微信).",
            context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
            no_args_is_help=True,
            params=[
                click.Option(
                    [_SETTINGS, "folder"],
                    type=click.Path(exists=True, file_okay=False, path_type=Path),
                    default=Path(),
                    envvar=_SETTINGS_DIR,
                    metavar="DIR",
                    help="The folder of the settings files; else WEBOT_SETTINGS_DIR, else the working folder.",
                ),
                click.Option(
                    ["--version"],
                    is_flag=True,
                    is_eager=True,
                    expose_value=False,
                    callback=self._tell_version,
                    help="Show the version.",
                ),
            ],
            callback=_enter,
        )
        self._package = package

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's)
        """Name the verbs: the modules there are."""
        modules = pkgutil.iter_modules(self._package.__path__)
        return sorted(module.name.replace("_", "-") for module in modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a verb's module and give its command."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module = importlib.import_module(f"{self._package.__name__}.{_module(cmd_name)}")
        command = module.command
        assert isinstance(command, click.Command)  # noqa: S101 (a verb's file without a verb)
        command.name = cmd_name
        return spoken_command(command, [cmd_name], _language(ctx))

    def _tell_version(self, ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 (click's)
        if wanted and (verb := self.get_command(ctx, "version")) is not None:
            ctx.invoke(verb)
            ctx.exit()

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb; click can name what was meant only among the verbs it is told of."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            known = self.list_commands(ctx)
            raise click.NoSuchCommand(error.command_name, possibilities=known, ctx=ctx) from None

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what webot is, and have its options speak the same language."""
        if _language(ctx) == "zh":
            self.help = chinese_help()["webot"][HELP]
            for option in self.params:
                if isinstance(option, click.Option):
                    option.help = chinese_help()["webot"].get(option_key(option), option.help)
        super().format_help_text(ctx, formatter)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 (click's)
        """Run the verb; an error that people can act on becomes one message in their language."""
        try:
            return super().invoke(ctx)
        except WebotError as error:
            raise _Failure(_message_of(error, ctx.obj)) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs with the first line of each one's docstring."""
        with formatter.section(gettext("Commands")):
            language = _language(ctx)
            formatter.write_dl([(verb, self._summary(verb, language)) for verb in self.list_commands(ctx)])

    def _summary(self, verb: str, language: str) -> str:
        if language == "zh" and verb in chinese_help():
            return chinese_help()[verb][HELP].partition("\n")[0]
        # Read, not imported: the help must not wait for every library every verb needs.
        source = Path(self._package.__path__[0], f"{_module(verb)}.py").read_text(encoding="utf-8")
        said = ast.get_docstring(ast.parse(source)) or ""
        return said.partition("\n")[0]


def main(package: ModuleType = web.commands, args: Sequence[str] | None = None) -> int:
    """Run the verb that `args` name, else the process's own command line; return the exit code."""
    # What is written is its owner's alone: transcripts, exports, reports, caches.
    os.umask(os.umask(_OWNER_ALONE) | _OWNER_ALONE)
    # At its end Python searches all there is for circles, a quarter of a second for nothing: the memory goes anyway.
    atexit.register(gc.freeze)
    write_what_terminals_show(sys.stdout, sys.stderr)
    language = shell_language(_folder_of(sys.argv[1:] if args is None else args), os.environ)
    with click_speaks(language):
        return _run(package, args, language)


def _run(package: ModuleType, args: Sequence[str] | None, language: Literal["zh", "en"]) -> int:
    try:
        code = Verbs(package).main(args, prog_name="webot", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return INTERRUPTED
    except OSError as error:
        # A file or folder that is not as it should be: the line names it, and a traceback would say no more.
        click.echo(f"webot: {_os_error_text(error, language)}", err=True)
        return 1
    return code if isinstance(code, int) else 0


def _os_error_text(error: OSError, language: Literal["zh", "en"]) -> str:
    from pipeline.text.i18n import Catalogue, in_language, os_reason  # noqa: PLC0415 (reads the sentences)

    words = Catalogue(language)
    reason = in_language(os_reason(error), words)
    return reason if error.filename is None else words.text("os.of_file", file=error.filename, reason=reason)


def _folder_of(args: Sequence[str]) -> Path:
    """Return the folder of the settings files before anything is parsed: what is wrong with the rest is said, too."""
    for place, arg in enumerate(args):
        option, _, value = arg.partition("=")
        if option == _SETTINGS:
            return Path(value or next(iter(args[place + 1 :]), ""))
    return Path(os.environ.get(_SETTINGS_DIR, ""))


@click.pass_context
def _enter(ctx: click.Context, folder: Path) -> None:
    ctx.obj = Shell(folder, os.environ)


def _language(ctx: click.Context) -> str:
    # Where the help is asked for, the options before it are read already.
    return shell_language(ctx.params.get("folder") or Path(), os.environ)


def _module(verb: str) -> str:
    return verb.replace("-", "_")


class _Failure(click.ClickException):
    """Ends the program with a message."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Write the message as it is."""
        click.echo(self.message, file=file, err=file is None)


def _message_of(error: WebotError, shell: Shell) -> str:
    match error:
        case SettingsInvalid():
            from pipeline.text.i18n import Catalogue, in_language  # noqa: PLC0415 (reads the sentences)

            words = Catalogue(shell.language)
            lines = [f"  {in_language(problem, words)}" for problem in error.problems]
            return "\n".join([words.text("setting.unusable"), *lines])
        case _:
            from pipeline.text.i18n import Catalogue, error_text  # noqa: PLC0415 (reads the sentences)

            return f"webot: {error_text(error, Catalogue(shell.language))}"


if __name__ == "__main__":
    sys.exit(main())
