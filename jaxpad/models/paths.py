"""The names that jaxpad's own files have for a model's arrays: their paths in it."""

from collections.abc import Collection
from typing import Any

from flax import nnx


HEADS = ("head/", "dense/2/")  # the last layers of the families; the second is VGG's


def named_variables(model: nnx.Module) -> dict[str, Any]:
    """The parameters and statistics of a model by their paths, as variables.

    The keys of random numbers are left out: they mean nothing to a trained model.
    """
    return {
        "/".join(map(str, path)): variable
        for path, variable in nnx.iter_graph(model)
        if isinstance(variable, nnx.Variable) and not isinstance(variable, nnx.RngState)
    }


def wanted(
    model: nnx.Module, names: Collection[str], head: bool
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Which variables of a model a file of these names is to fill.

    Args:
        model: of any kind.
        names: of the file's arrays.
        head: whether its last layer is among them.

    Returns:
        The variables by name, and with what the names begin that are passed over.

    Raises:
        ValueError: if the last layer is to be left out and nobody knows which it is.
    """
    variables = named_variables(model)
    last = tuple(n for n in HEADS if any(v.startswith(n) for v in variables))
    if not head and not any(name.startswith(HEADS) for name in (*variables, *names)):
        raise ValueError(
            f"head=False, in a config new_head=True: the {type(model).__name__} has no "
            "layer named head, so nobody knows which is the last. Name it so."
        )
    left = () if head else last
    # Of another padding: neither the file's nor the model's own stand in the way.
    passed_over = [name for name in names if "/mode/" in name and name not in variables]
    kept = {
        name: variable
        for name, variable in variables.items()
        if not name.startswith(left) and ("/mode/" not in name or name in names)
    }
    return kept, (*passed_over, *(left if last else HEADS))
