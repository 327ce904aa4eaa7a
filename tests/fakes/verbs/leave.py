"""Leave with a code of its own."""

import click


@click.command()
@click.argument("code", type=int)
@click.pass_context
def command(ctx: click.Context, code: int) -> None:
    ctx.exit(code)
