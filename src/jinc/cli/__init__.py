"""The command line: parse, compose, print. Commands are imported only when they are called."""

from jinc.cli.app import main, start

__all__ = ["main", "start"]
