"""Sets of sizes as the bits of one int: the nearest of them costs a shift or two."""


def smallest(spaces: int, least: int) -> int:
    """The smallest size in the set that is at least `least`; -1 if there is none.

    Example:
        >>> smallest(1 << 3 | 1 << 7, 4)
        7
    """
    above = spaces >> least
    return least + (above & -above).bit_length() - 1 if above else -1


def largest(spaces: int) -> int:
    """The largest size in the set; -1 if it is empty.

    Example:
        >>> largest(1 << 3 | 1 << 7)
        7
    """
    return spaces.bit_length() - 1
