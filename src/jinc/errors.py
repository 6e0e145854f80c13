"""The errors that a person can mend."""


class JincError(ValueError):
    """Bad input, told in one line that names the file or option and the reason.

    The command line prints the line and exits with code 2; it never shows a traceback for it.
    """
