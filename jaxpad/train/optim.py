"""Learning-rate schedules, and optax chains from names."""

import collections
import difflib
import inspect
from collections.abc import Callable, Collection, Sequence
from typing import Any

import jax
import optax

from ..registry import Registry, parse_call


# The options of optax's functions that choose parameters, weight decay's above all.
MASKS = {"mask", "weight_decay_mask", "trust_ratio_mask"}
# The options that say how slowly an average of gradients forgets.
DECAYS = ("b1", "b2")
# Parts of the names of parameters that do not decay, whatever their number of axes.
UNDECAYED = ("bias", "scale", "gamma", "position", "pos_", "token")

SCHEDULES: Registry[Callable[..., optax.Schedule]] = Registry("schedule")


@SCHEDULES.register
def cosine(
    peak: float, steps: int, warmup: int, *, final: float = 0.0
) -> optax.Schedule:
    """Linear warm-up, then half a cosine down to `final * peak`.

    "SGDR", Loshchilov and Hutter, 2017.

    Example:
        >>> rate = cosine(1.0, steps=100, warmup=10)
        >>> [round(float(rate(t)), 2) for t in (0, 5, 10, 55, 100)]
        [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    return optax.warmup_cosine_decay_schedule(
        0.0, peak, warmup, max(steps, warmup + 1), end_value=final * peak
    )


@SCHEDULES.register
def step(
    peak: float,
    steps: int,
    warmup: int,
    *,
    at: Sequence[float] = (1 / 3, 2 / 3, 8 / 9),
    factor: float = 0.1,
) -> optax.Schedule:
    """Linear warm-up, then times `factor` at each part `at` of the steps.

    The default is 30, 60 and 80 of 90 epochs, as in "Accurate, Large Minibatch SGD",
    Goyal et al., 2017.

    Example:
        >>> rate = step(1.0, steps=90, warmup=10)
        >>> [round(float(rate(t)), 3) for t in (5, 29, 30, 60, 80)]
        [0.5, 1.0, 0.1, 0.01, 0.001]
    """
    # Two parts of a short run may fall on one step: both drops count.
    parts = collections.Counter(round(part * steps) - warmup for part in at)
    drops = {place: factor**count for place, count in parts.items()}
    constant = optax.piecewise_constant_schedule(peak, drops)
    ramp = optax.linear_schedule(0.0, peak, warmup)
    return optax.join_schedules([ramp, constant], [warmup])


@SCHEDULES.register
def poly(
    peak: float,
    steps: int,
    warmup: int,
    *,
    power: float = 0.9,
    final: float = 0.0,
) -> optax.Schedule:
    """Linear warm-up, then `(1 - t / T)^power` down to `final * peak`.

    The rule of segmentation since "DeepLab", Chen et al., 2016.

    Example:
        >>> rate = poly(1.0, steps=100, warmup=0)
        >>> [round(float(rate(t)), 3) for t in (0, 50, 90, 100)]
        [1.0, 0.536, 0.126, 0.0]
    """
    length = max(steps - warmup, 1)
    fall = optax.polynomial_schedule(peak, final * peak, power, length)
    ramp = optax.linear_schedule(0.0, peak, warmup)
    return optax.join_schedules([ramp, fall], [warmup])


def optimizer_chain(
    specs: Sequence[str],
    schedule: optax.Schedule,
    params: Any = None,
    power: float = 1.0,
) -> optax.GradientTransformation:
    """An optax chain from names; the schedule goes to whatever takes a learning rate.

    Args:
        specs: each `"name(option=value)"` of a function in optax, or
            `"package.module:name(...)"`.
        schedule: from step to learning rate.
        params: arrays or their shapes, by which masks are settled at once: an optimizer
            that sees them flattened cannot tell a kernel from a bias.
        power: to which the decay rates b1 and b2 are raised, given or by default.

    Returns:
        The chain. What a transform masks (weight decay, the trust ratio of `lars`)
        goes by `decay_mask`, unless its options say otherwise.

    Raises:
        ValueError: for an unknown name or option, or if nothing in the chain takes
            the learning rate, or no decay rate that is to be changed.

    Example:
        >>> chain = optimizer_chain(["sgd(momentum=0.9)"], lambda step: 0.1)
        >>> type(chain).__name__
        'GradientTransformationExtraArgs'
    """
    if isinstance(specs, str):
        specs = [specs]
    mask = decay_mask if params is None else decay_mask(params)
    made = [_transform(spec, schedule, mask, power) for spec in specs]
    takes = {parameter for _, parameters in made for parameter in parameters}
    if power != 1 and not takes & set(DECAYS):
        raise ValueError(
            f"nothing in this chain has a decay rate b1 or b2 to change: {tuple(specs)}"
            '; take an optimizer such as "adamw", or another config.rescale.'
        )
    if "learning_rate" not in takes:
        raise ValueError(
            f"nothing in this chain takes the learning rate: {tuple(specs)}; end it "
            'with an optimizer such as "sgd(momentum=0.9)".'
        )
    return optax.chain(*(transform for transform, _ in made))


def _transform(
    spec: str, schedule: optax.Schedule, mask: Any, power: float
) -> tuple[optax.GradientTransformation, Collection[str]]:
    name, options = parse_call(spec, "optimizer")
    make = (
        Registry("optimizer").resolve(name)
        if ":" in name
        else None
        if name.startswith("_")
        else getattr(optax, name, None)
    )
    if not callable(make):
        near = difflib.get_close_matches(name, _callables(optax), n=3)
        raise ValueError(
            f"{name!r} is no function of optax."
            + (f" Did you mean {', '.join(map(repr, near))}?" if near else "")
        )
    parameters = inspect.signature(make).parameters
    if "learning_rate" in options:
        raise ValueError(
            f"{spec!r} sets a learning rate; write it as config.learning_rate, and its "
            "course as config.schedule."
        )
    if "learning_rate" in parameters:
        options["learning_rate"] = schedule
    options = dict.fromkeys(MASKS & parameters.keys(), mask) | options
    if power != 1:
        for name in [name for name in DECAYS if name in parameters]:
            rate: Any = options.get(name, parameters[name].default)
            options[name] = rate**power
    try:
        transform: Any = make(**options)
    except (TypeError, ValueError) as e:
        raise ValueError(f"{spec!r}: {e}. It takes {', '.join(parameters)}.") from e
    if not (hasattr(transform, "init") and hasattr(transform, "update")):
        raise ValueError(
            f"{spec!r} is no optimizer: what it gives has no init and update. A "
            "schedule is named in config.schedule."
        )
    return transform, parameters


def _callables(module: Any) -> list[str]:
    return [name for name, value in vars(module).items() if callable(value)]


def check_chain(chain: optax.GradientTransformation, params: Any) -> None:
    """Raises for options that only an update would find wrong.

    Args:
        chain: from `optimizer_chain`.
        params: the parameters, or their shapes alone.

    Raises:
        TypeError: or ValueError, whatever optax and jax say.

    Example:
        >>> check_chain(optax.sgd(0.1, momentum=0.9), {"kernel": jax.numpy.ones(3)})
    """
    jax.eval_shape(lambda p: chain.update(p, chain.init(p), p), params)


def decay_mask(params: Any) -> Any:
    """True for the parameters that decay: kernels, and embeddings of tokens.

    These are the ones of two axes or more, unless their own name contains one of
    `UNDECAYED`: attention's biases have two axes, and positions of a ViT three.

    Args:
        params: a pytree; an `nnx.State` or nested dicts.

    Returns:
        A pytree of bools, of the same structure.

    Example:
        >>> decay_mask({"kernel": jax.numpy.ones((3, 3)), "bias": jax.numpy.ones(3)})
        {'bias': False, 'kernel': True}
    """

    def decays(path: Any, param: Any) -> bool:
        # An nnx.State's leaves are called ".value", whatever the variable is called.
        names = [str(k.key) for k in path if isinstance(k, jax.tree_util.DictKey)]
        name = names[-1].lower() if names else ""
        return param.ndim > 1 and not any(word in name for word in UNDECAYED)

    return jax.tree.map_with_path(decays, params)
