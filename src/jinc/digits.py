"""Numbers in words that are read as the same numbers again."""


def exact(number: float) -> str:
    """Write a number with as many digits as it has.

    >>> [exact(number) for number in (2.0, 0.2, 1 / 3, 12345678901234567)]
    ['2', '0.2', '0.3333333333333333', '12345678901234567']
    """
    return str(number) if isinstance(number, int) else repr(float(number)).removesuffix(".0")
