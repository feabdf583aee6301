"""All that is fuzzed."""

from tests.fuzz import (
    arrays,
    images,
    manifests,
    overrides,
    prepared,
    reports,
    runs,
    specs,
    sweeps,
)


TARGETS = [
    specs.TARGET,
    overrides.WORDS_TARGET,
    overrides.FILE_TARGET,
    sweeps.TARGET,
    *runs.TARGETS,
    reports.TARGET,
    *arrays.TARGETS,
    images.TARGET,
    manifests.TARGET,
    prepared.TARGET,
]
