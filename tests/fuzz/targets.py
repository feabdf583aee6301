"""All that is fuzzed."""

from tests.fuzz import overrides, specs


TARGETS = [specs.TARGET, overrides.WORDS_TARGET, overrides.FILE_TARGET]
