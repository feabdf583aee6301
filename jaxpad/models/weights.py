"""Weights from files with the names of other libraries or of jaxpad, and back."""

import pathlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from ..untrusted import read_npz
from .layouts import COLUMN, SAME, Layout, leaves_of
from .names import TIED, Scheme, schemes
from .paths import wanted


class _Slot(NamedTuple):
    variable: Any
    layout: Layout


def load_weights(
    model: nnx.Module, path: str | pathlib.Path, *, head: bool = True
) -> None:
    """Puts the weights of a local file into a model, all of them or none.

    The names may be torchvision's, timm's, of a BERT those of Hugging Face's
    transformers, or the paths that `to_safetensors` and the export of a run write.
    Parameters keep their dtype. What the model was made without (`classes=None`) is
    passed over in the file, as are a BERT's pooler and its head for the next sentence;
    a padding's own parameters stay as they are if the file has none. A segmenter takes
    a classifier's file for its encoder.

    Args:
        model: of a family that one of these has, with any padding; any model for a file
            with paths.
        path: of a .safetensors or .npz file.
        head: whether the last layer is read too. False leaves the model's own, for
            other classes than the published ones.

    Raises:
        ValueError: for a file of another kind, one that cannot be read, or names that
            are missing, unknown, or of another shape; all are listed, and the model is
            unchanged; or if the last layer is to be left out and is not known.
        TypeError: for a model of another family.

    Example:
        >>> import tempfile
        >>> from jaxpad.models import ResNet
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "weights.npz"
        >>> make = lambda classes: ResNet(
        ...     3, classes, blocks=(1, 1), width=4, rngs=nnx.Rngs(0))
        >>> save_weights(make(10), file)
        >>> load_weights(make(5), file, head=False)
    """
    arrays = {
        name: array
        for name, array in _read(pathlib.Path(path)).items()
        if not name.endswith("num_batches_tracked")
    }
    if head:
        _refuse_untied(path, arrays)
    if not any(name.startswith("encoder/") for name in arrays):
        model = getattr(model, "encoder", model)
    if any("/" in name for name in arrays):
        variables, passed_over = wanted(model, arrays, head)
        slots = {name: _Slot(variable, SAME) for name, variable in variables.items()}
    else:
        scheme = max(schemes(model).values(), key=lambda s: _shared(s, arrays))
        slots, passed_over = _slots(model, scheme, head)
    extra = [n for n in arrays if n not in slots and not n.startswith(passed_over)]
    missing = [name for name in slots if name not in arrays]
    new = {name: _fitted(arrays[name], slots[name]) for name in slots if name in arrays}
    wrong = [
        f"{name} {arrays[name].dtype}{list(arrays[name].shape)} for "
        f"{list(_published(slots[name]))}"
        for name, array in new.items()
        if array is None
    ]
    if extra or missing or wrong:
        raise ValueError(
            f"{path} does not fit the {type(model).__name__}, which is unchanged. "
            f"Missing: {_listed(missing)}. Unknown: {_listed(extra)}. Of another "
            f"shape or dtype: {_listed(wrong)}. If only the last layer differs, write "
            "head=False, in a config new_head=True."
        )
    for name, array in new.items():
        variable = slots[name].variable
        variable.set_value(jnp.asarray(array, variable.dtype))


def save_weights(model: nnx.Module, path: str | pathlib.Path) -> None:
    """Writes a model's weights as torchvision names them, or timm where it does not.

    Those of a BERT have the names that Hugging Face's transformers has.

    Args:
        model: of a family that one of these libraries has.
        path: of a .safetensors or .npz file.

    Raises:
        ValueError: for a file of another kind.
        TypeError: for a model of another family.
    """
    path = pathlib.Path(path)
    slots, _ = _slots(model, next(iter(schemes(model).values())))
    arrays = {
        name: np.ascontiguousarray(slot.layout.write(np.asarray(slot.variable[...])))
        for name, slot in slots.items()
    }
    if _kind(path) == ".npz":
        np.savez(path, **arrays)  # pyright: ignore[reportArgumentType]
    else:
        _safetensors().save_file(arrays, path)


def published_shapes(model: nnx.Module, library: str) -> dict[str, tuple[int, ...]]:
    """Name and shape of every array in a library's file of a model.

    Args:
        model: of a family that the library has; `nnx.eval_shape` of one will do.
        library: part of the scheme's name, "torchvision", "timm" or "huggingface".
    """
    scheme = next(s for who, s in schemes(model).items() if library in who)
    slots, _ = _slots(model, scheme)
    return {name: _published(slot) for name, slot in slots.items()}


def _slots(
    model: nnx.Module, scheme: Scheme, head: bool = True
) -> tuple[dict[str, _Slot], tuple[str, ...]]:
    """The model's arrays by published name; and what names it has no array for."""
    last = "dense/2" if "dense/2" in scheme.values() else "head"
    slots, passed_over = {}, []
    nodes = {"/".join(map(str, path)): node for path, node in nnx.iter_graph(model)}
    for name, path in scheme.items():
        node = nodes.get(path)
        if node is None or (f"{path}/".startswith(f"{last}/") and not head):
            passed_over.append(name)
        elif isinstance(node, nnx.Variable):
            column = name.endswith("layer_scale")
            slots[name] = _Slot(node, COLUMN if column else SAME)
        else:
            for leaf, (ours, layout) in leaves_of(node).items():
                variable = getattr(node, ours)
                if variable is not None:
                    slots[name + leaf] = _Slot(variable, layout)
    return slots, tuple(passed_over)


def _refuse_untied(path: Any, arrays: dict[str, np.ndarray]) -> None:
    """Raises if a file has two arrays where its model has one; reads either of them."""
    for copy, original in TIED.items():
        if copy in arrays and not np.array_equal(
            arrays[copy], arrays.setdefault(original, arrays[copy])
        ):
            raise ValueError(
                f"{path}: {copy} is not {original}, but the model here has one array "
                "for both. Write head=False to read all but the head."
            )


def _shared(scheme: Scheme, names: Iterable[str]) -> int:
    beginnings = tuple(scheme)
    return sum(name.startswith(beginnings) for name in names)


def _fitted(array: np.ndarray, slot: _Slot) -> np.ndarray | None:
    """A file's array as the model has it; None if it cannot be."""
    try:
        array = slot.layout.read(array)
    except (TypeError, ValueError):  # another number of axes
        return None
    real = jnp.issubdtype(array.dtype, jnp.floating)
    return array if real and array.shape == slot.variable.shape else None


def _published(slot: _Slot) -> tuple[int, ...]:
    return slot.layout.write(np.broadcast_to(0, slot.variable.shape)).shape


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "none"


def _kind(path: pathlib.Path) -> str:
    if path.suffix not in (".npz", ".safetensors"):
        raise ValueError(
            f"{path} is no .safetensors or .npz file. Where PyTorch is, write one: "
            "safetensors.torch.save_file(torch.load(path, weights_only=True), "
            f'"{path.stem}.safetensors").'
        )
    return path.suffix


def _read(path: pathlib.Path) -> Mapping[str, np.ndarray]:
    library = None if _kind(path) == ".npz" else _safetensors()
    try:
        if library is None:
            return read_npz(path)
        # Its module for NumPy knows no bfloat16. Numbers are needed in a trace too.
        with jax.ensure_compile_time_eval():
            arrays = library.load_file(path)
            return {name: np.asarray(array) for name, array in arrays.items()}
    except Exception as error:  # safetensors has errors of its own
        raise ValueError(
            f"{path} cannot be read: {type(error).__name__}: {error}."
        ) from error


def _safetensors() -> Any:
    try:
        import safetensors.flax
    except ImportError as error:
        raise ImportError(
            'safetensors is not installed: pip install "jaxpad[train]", or use a .npz '
            "file."
        ) from error
    return safetensors.flax
