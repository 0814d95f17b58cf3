"""Where messages for the user go."""

from __future__ import annotations

import sys

from nacre import config

__all__ = ["print_msg"]

_PLAIN = str.maketrans("━─┃│┏┓┗┛┡┩├┤└┘┬┴┼╇┳", "=-||+++++++++++++++")


def print_msg(message: object, line_break: bool = True) -> None:
    """Writes a message, with characters that the terminal cannot show replaced.

    Args:
        message: The text.
        line_break: Whether to end the line.
    """
    text = f"{message}\n" if line_break else str(message)
    if not config.is_interactive_logging_enabled():
        import logging

        logging.getLogger("nacre").info("%s", text.rstrip("\n"))
        return
    out = sys.stdout
    if out is None:
        return
    try:
        out.write(text)
    except UnicodeEncodeError:
        encoding = out.encoding or "ascii"
        out.write(text.translate(_PLAIN).encode(encoding, errors="replace").decode(encoding))
    out.flush()
