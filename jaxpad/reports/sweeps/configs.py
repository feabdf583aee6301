"""In what the configs of runs differ, and what their arms are called."""

import json
from collections import Counter
from collections.abc import Mapping


Flat = dict[str, str]  # dotted key of a config -> its value as JSON


def different(configs: Mapping[str, Flat]) -> list[str]:
    """The keys that do not have one value in all runs.

    Args:
        configs: of each run.
    """
    keys = dict.fromkeys(key for config in configs.values() for key in config)
    return [k for k in keys if len({config.get(k) for config in configs.values()}) > 1]


def strange_keys(config: Flat, ours: list[Flat], keys: list[str]) -> list[str]:
    """Keys beside the swept ones in which a run has what none of ours has."""
    others = [key for key in dict.fromkeys([*config, *ours[0]]) if key not in keys]
    return [
        key
        for key in others
        if key != "seed" and config.get(key) not in [each.get(key) for each in ours]
    ]


def differences(configs: Mapping[str, Flat], keys: list[str]) -> list[str]:
    """A sentence for each key that is not swept and yet not the same in all runs."""
    sentences = []
    for key in different(configs):
        if key in keys or key == "seed":
            continue
        values = {name: config.get(key, "missing") for name, config in configs.items()}
        usual, count = Counter(values.values()).most_common(1)[0]
        others = [f"{v} in {name}" for name, v in values.items() if v != usual]
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        sentences.append(
            f"The runs differ in {key}, which the sweep does not change: {usual} in "
            f"{count} of {len(values)}, {', '.join(others[:3])}{more}."
        )
    return sentences


def arm_name(config: Flat, keys: list[str]) -> str:
    """An arm in words, as --sweep has it."""
    values = {key: json.loads(config.get(key, '"missing"')) for key in keys}
    said = [
        f"{k}={v if isinstance(v, str) else json.dumps(v)}" for k, v in values.items()
    ]
    return " ".join(said) or "all"
