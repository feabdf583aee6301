"""All that is fuzzed."""

from tests.fuzz import specs


TARGETS = [module.TARGET for module in (specs,)]
