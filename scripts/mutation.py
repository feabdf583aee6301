"""Plants known bugs one at a time and shows which test finds each.

A test that cannot fail proves nothing. Each bug below is an exact replacement in one
file, made in a temporary copy of the checkout; then the test files that should find
it run there. Exit status 1 if one survived.

    make mutation                   # all, a few minutes
    make mutation ARGS="ratio"      # those with "ratio" in their name
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple


ROOT = pathlib.Path(__file__).resolve().parent.parent
COPIED = ("jaxpad", "tests", "configs", "launch.py", "conftest.py", "pyproject.toml")


class Bug(NamedTuple):
    """One replacement, and the test file, or test in it, that should notice it."""

    name: str
    file: str
    right: str
    wrong: str
    tests: str


BUGS = [
    Bug(
        "widths given to the wrong axes",
        "jaxpad/padding/pad.py",
        "dict(zip(axes, pairs, strict=True))",
        "dict(zip(axes, pairs[::-1], strict=True))",
        "tests/padding/test_pad_laws.py",
    ),
    Bug(
        "before and after swapped",
        "jaxpad/padding/rules.py",
        "(axis, (lo, hi), (before, after)), *rest = fills",
        "(axis, (hi, lo), (before, after)), *rest = fills",
        "tests/padding/test_pad_laws.py",
    ),
    Bug(
        "mode of the other side",
        "jaxpad/padding/pad.py",
        "_all_axes([(lo, 0)], [axis], x.ndim), sides[0])",
        "_all_axes([(lo, 0)], [axis], x.ndim), sides[1])",
        "tests/padding/test_pad_mixed.py",
    ),
    Bug(
        "reflect off by one",
        "jaxpad/padding/modes.py",
        "return -i if i < 0 else 2 * (n - 1) - i",
        "return -1 - i if i < 0 else 2 * n - 1 - i",
        "tests/padding/test_pad_laws.py",
    ),
    Bug(
        "circular clamped",
        "jaxpad/padding/modes.py",
        "return i % n",
        "return min(max(i, 0), n - 1)",
        "tests/padding/test_pad_laws.py",
    ),
    Bug(
        "a gather instead of slices",
        "jaxpad/padding/cells.py",
        "    pieces = []\n",
        "    return jnp.take(x, np.array(index), axis=axis)\n    pieces = []\n",
        "tests/padding/test_pad_transforms.py",
    ),
    Bug(
        "same and same_lower swapped",
        "jaxpad/arith/amounts.py",
        'if amount == "same" else',
        'if amount != "same" else',
        "tests/arith/test_sizes.py",
    ),
    Bug(
        "dilation ignored in tap counts",
        "jaxpad/arith/receptive.py",
        "first <= start + t * dilation < last",
        "first <= start + t < last",
        "tests/arith/test_receptive.py",
    ),
    Bug(
        "absent sides ignored in the ratio",
        "jaxpad/conv/geometry.py",
        "return [(lo is zero, hi is zero) for lo, hi in modes]",
        "return [(True, True) for lo, hi in modes]",
        "tests/conv/test_conv_partial.py",
    ),
    Bug(
        "ratio off by one",
        "jaxpad/padding/partial.py",
        "return window / count\n",
        "return (window + 1) / (count + 1)\n",
        "tests/padding/test_partial.py",
    ),
    Bug(
        "bias inside the ratio",
        "jaxpad/padding/partial.py",
        "y = y + _times(bias, _inverse(ratio))",
        "y = y + bias",
        "tests/conv/test_conv_partial.py",
    ),
    Bug(
        "unseen window not zeroed in the ratio",
        "jaxpad/padding/partial.py",
        "np.where(count > 0, ratio.astype(np.float64), 0.0)",
        "ratio.astype(np.float64)",
        "tests/conv/test_conv_partial.py",
    ),
    Bug(
        "a mode that moves the sampling grid",
        "jaxpad/conv/functional.py",
        "amount = amount if padding.amount is None else padding.amount",
        'amount = amount if padding.mode == "zero" else "half"',
        "tests/conv/test_amount_and_mode.py",
    ),
    Bug(
        "corners of mixed modes left to XLA",
        "jaxpad/conv/geometry.py",
        "(r is not None and r.copies)",
        "(r is not None)",
        "tests/conv/test_conv_modes.py",
    ),
    Bug(
        "zero wins in max_pool",
        "jaxpad/conv/pool.py",
        "x, -jnp.inf, lax.max,",
        "x, 0.0, lax.max,",
        "tests/conv/test_pool.py",
    ),
    Bug(
        "zero beside another mode wins",
        "jaxpad/conv/geometry.py",
        "jnp.where(there, x, jnp.asarray(absent, x.dtype))",
        "x",
        "tests/conv/test_pool.py",
    ),
    Bug(
        "flax's circular layers get another grid",
        "jaxpad/layers/from_flax.py",
        "tuple(((k - 1) // 2, k // 2) for k in _spans(layer))",
        "tuple((k // 2, (k - 1) // 2) for k in _spans(layer))",
        "tests/layers/test_replace_flax.py",
    ),
    Bug(
        "odd_reflect without the edge's weight",
        "jaxpad/padding/weighted.py",
        "[(2, edge), (-1, 2 * edge - i)], 0",
        "[(1, edge), (-1, 2 * edge - i)], 0",
        "tests/padding/test_pad_laws.py",
    ),
    Bug(
        "linear slope too steep",
        "jaxpad/padding/weighted.py",
        "(n - 1, n - 2, i - n + 1)",
        "(n - 1, n - 2, i - n + 2)",
        "tests/padding/test_pad_laws.py",
    ),
    Bug(
        "faces turned the wrong way",
        "jaxpad/padding/faces.py",
        "(path[0] + 2 - turns) % 4",
        "(path[0] + 2 + turns) % 4",
        "tests/padding/test_sphere_points.py",
    ),
    Bug(
        "no half turn beyond a pole",
        "jaxpad/padding/latlon.py",
        "lax.concatenate([west, east], 2)",
        "lax.concatenate([east, west], 2)",
        "tests/padding/test_sphere_points.py",
    ),
    Bug(
        "strips without the first tap",
        "jaxpad/conv/strips.py",
        "taps = range(min((lo - 1) // d + 1, k))",
        "taps = range(1, min((lo - 1) // d + 1, k))",
        "tests/conv/test_strategies.py",
    ),
    Bug(
        "halo's ring without the far device",
        "jaxpad/conv/exchange.py",
        "[*pairs, (far, edge)]",
        "pairs",
        "tests/conv/test_halo.py",
    ),
    Bug(
        "transposed without the ratio",
        "jaxpad/conv/transposed.py",
        "return finish(y, window, padding, None)",
        "return y",
        "tests/conv/test_conv_transpose.py",
    ),
    Bug(
        "masks of all groups in one",
        "jaxpad/conv/mask.py",
        "groups = groups if mask.shape[-1] > 1 else 1",
        "groups = 1",
        "tests/conv/test_mask.py",
    ),
    Bug(
        "blur that darkens",
        "jaxpad/conv/blur.py",
        "math.comb(taps - 1, t) / 2 ** (taps - 1)",
        "math.comb(taps - 1, t) / 2**taps",
        "tests/conv/test_resample.py",
    ),
    Bug(
        "bilinear leans to the other side",
        "jaxpad/conv/resize.py",
        "other = 2 if offset > 0 else 0",
        "other = 0 if offset > 0 else 2",
        "tests/conv/test_resample.py",
    ),
    Bug(
        "kernels of the wrong border",
        "jaxpad/conv/edge.py",
        "((True, False), (False, False), (False, True))",
        "((False, True), (False, False), (True, False))",
        "tests/conv/test_edge_conv.py",
    ),
    Bug(
        "auto keeps every copy",
        "jaxpad/conv/choose.py",
        "if growth > LARGEST_COPY.get(backend, math.inf):",
        "if growth > math.inf:",
        "tests/conv/test_strategies.py",
    ),
    Bug(
        "flax's transposed grid off by one",
        "jaxpad/layers/from_flax.py",
        "[(k - 1 - p, k - 1 - q)",
        "[(k - p, k - 1 - q)",
        "tests/layers/test_layer_resample.py",
    ),
    Bug(
        "unused cells counted on one side",
        "jaxpad/arith/sizes.py",
        "return i + lo + hi - span(k, dilation) - (outputs - 1) * stride",
        "return i + hi - span(k, dilation) - (outputs - 1) * stride",
        "tests/arith/test_sizes.py",
    ),
    Bug(
        "gaps of input dilation seen",
        "jaxpad/analysis/windows.py",
        "there = cell % self.spread == 0 if self.gaps",
        "there = cell % self.spread >= 0 if self.gaps",
        "tests/analysis/test_receptive_gradients.py",
    ),
    Bug(
        "zero is one",
        "jaxpad/padding/modes.py",
        "return [], 0.0",
        "return [], 1.0",
        "tests/padding/test_pad_laws.py",
    ),
    Bug(
        "constant forgets its value",
        "jaxpad/padding/modes.py",
        'return [], as_number("constant", "value", value)',
        "return [], 0.0",
        "tests/padding/test_pad_laws.py",
    ),
    Bug(
        "symmetric off by one",
        "jaxpad/padding/modes.py",
        "return -1 - i if i < 0 else 2 * n - 1 - i",
        "return -1 - i if i < 0 else 2 * n - 2 - i",
        "tests/padding/test_pad_laws.py",
    ),
    Bug(
        "replicate of the last but one",
        "jaxpad/padding/modes.py",
        "return 0 if i < 0 else n - 1",
        "return 0 if i < 0 else n - 2",
        "tests/padding/test_pad_laws.py",
    ),
    Bug(
        "mean of the near side",
        "jaxpad/padding/weighted.py",
        "first = 0 if i < 0 else n - count",
        "first = 0",
        "tests/padding/test_pad_special.py",
    ),
    Bug(
        "median of an even number",
        "jaxpad/padding/median.py",
        "for rank in ((n - 1) // 2, n // 2):",
        "for rank in (n // 2, n // 2):",
        "tests/padding/test_pad_special.py",
    ),
    Bug(
        "a predictor held back twice",
        "jaxpad/padding/linear_prediction.py",
        "ridge * power, 1)",
        "2 * ridge * power, 1)",
        "tests/padding/test_pad_special.py",
    ),
    Bug(
        "distribution with a gradient",
        "jaxpad/padding/distribution.py",
        "filled = lax.stop_gradient(x).astype",
        "filled = x.astype",
        "tests/padding/test_pad_special.py",
    ),
    Bug(
        "one key for all axes",
        "jaxpad/padding/random.py",
        "key, drawn = jax.random.split(key)",
        "drawn = key",
        "tests/padding/test_pad_special.py",
    ),
    Bug(
        "groups that lean one way",
        "jaxpad/padding/c2sp.py",
        "(hi, lo, 0) if swapped",
        "(lo, hi, 0) if swapped",
        "tests/padding/test_pad_special.py",
    ),
    Bug(
        "constants of other channels",
        "jaxpad/padding/learned.py",
        "value = jnp.asarray(value, x.dtype)",
        "value = jnp.asarray(value[::-1], x.dtype)",
        "tests/padding/test_pad_special.py",
    ),
    Bug(
        "a ring too many",
        "jaxpad/padding/learned.py",
        "if ring < lo:",
        "if ring <= lo:",
        "tests/padding/test_pad_special.py",
    ),
    Bug(
        "corners from absent cells",
        "jaxpad/conv/geometry.py",
        "return np.ones_like(line) if literal else line",
        "return np.ones_like(line)",
        "tests/conv/test_pool.py",
    ),
    Bug(
        "a hole wins in max_pool",
        "jaxpad/conv/pool.py",
        "hole=-math.inf",
        "hole=0.0",
        "tests/conv/test_pool.py",
    ),
    Bug(
        "a key drawn in the trace",
        "jaxpad/layers/padded.py",
        'lambda m: getattr(m, "as_function", lambda: m)()',
        "lambda m: m",
        "tests/layers/test_layer_state.py",
    ),
    Bug(
        "half-rank turns of one kind",
        "jaxpad/orthogonal/kernel.py",
        "half = (middle + turn % 2) // 2",
        "half = middle // 2",
        "tests/orthogonal/test_winding.py",
    ),
    Bug(
        "a border without what was added before",
        "jaxpad/orthogonal/borders.py",
        "lo <= tap * dilation < lo + stride",
        "0 <= tap * dilation < lo + stride",
        "tests/orthogonal/test_exists.py",
    ),
    Bug(
        "strides and dilations without their common divisor",
        "jaxpad/orthogonal/architecture.py",
        "self.stride // self.common)",
        "self.stride)",
        "tests/orthogonal/test_exists.py",
    ),
    Bug(
        "delta-orthogonal off the centre",
        "jaxpad/orthogonal/delta.py",
        "(n // 2, n - n // 2)",
        "(n - n // 2, n // 2)",
        "tests/orthogonal/test_delta.py",
    ),
    Bug(
        "a response without the stride's scale",
        "jaxpad/spectral/propagate/stack.py",
        " / math.prod(window.stride)",
        "",
        "tests/spectral/test_propagate_stack.py",
    ),
    Bug(
        "moments of independent paths",
        "jaxpad/spectral/propagate/moments.py",
        "ratio = paths * m * (1 + other)",
        "ratio = paths * m",
        "tests/spectral/test_propagate_moments.py",
    ),
    Bug(
        "upsampling the other way round",
        "jaxpad/spectral/propagate/resample.py",
        "wave_sum(scale, total).conj()",
        "wave_sum(scale, total)",
        "tests/spectral/test_propagate_leakage.py",
    ),
    Bug(
        "ZerO's tap beside the centre",
        "jaxpad/init/zero.py",
        "(k - 1) // 2 for k",
        "k // 2 for k",
        "tests/init/test_zero_init.py",
    ),
    Bug(
        "ZerO's branches sorted as text",
        "jaxpad/layers/zero.py",
        "key=_by_number",
        "key=str",
        "tests/layers/test_zero_init_model.py",
    ),
    Bug(
        "pairs of outputs counted once",
        "jaxpad/regularizers/patterns.py",
        "1 + (once and o != other)",
        "1",
        "tests/regularizers/test_lorth.py",
    ),
    Bug(
        "outputs that see nothing forgotten",
        "jaxpad/regularizers/patterns.py",
        "        pairs[o, o]  # what reads nothing is there too, with zeros\n",
        "        pass\n",
        "tests/regularizers/test_lorth.py",
    ),
    Bug(
        "partial convolution's ratio forgotten",
        "jaxpad/regularizers/patterns.py",
        "float(weight * ratio[o])",
        "float(weight)",
        "tests/regularizers/test_lorth.py",
    ),
    Bug(
        "a small torus taken for a large one",
        "jaxpad/regularizers/circular.py",
        "outputs > 2 * reach * (dilation // common)",
        "outputs > reach",
        "tests/regularizers/test_lorth.py",
    ),
    Bug(
        "columns that no tap reaches forgotten",
        "jaxpad/regularizers/circular.py",
        "rows_short - max(out - columns, 0)",
        "0",
        "tests/regularizers/test_lorth.py",
    ),
    Bug(
        "half of a product's derivative",
        "jaxpad/regularizers/gram.py",
        "half + _adjoint(half)",
        "half",
        "tests/regularizers/test_lorth.py",
    ),
    Bug(
        "phases without their tap",
        "jaxpad/spectral/transfer.py",
        "np.divmod(dilation * np.arange(taps), stride)",
        "np.divmod(np.arange(taps), stride)",
        "tests/spectral/test_spectra.py",
    ),
    Bug(
        "a bound between frequencies forgotten",
        "jaxpad/spectral/bound.py",
        "largest(blocks) / math.sqrt(math.prod(between))",
        "largest(blocks)",
        "tests/spectral/test_spectra.py",
    ),
    Bug(
        "a bound without the padding's cells",
        "jaxpad/spectral/bound.py",
        "return math.sqrt(1 + float(np.linalg.norm(matrix, 2)) ** 2) if added else 1.0",
        "return 1.0",
        "tests/spectral/test_spectra.py",
    ),
    Bug(
        "a penalty without output_padding",
        "jaxpad/layers/choose.py",
        "            layer.output_padding,",
        "            [0] * rank,",
        "tests/layers/test_regularize.py",
    ),
    Bug(
        "a penalty that is logged alone",
        "jaxpad/train/step.py",
        "loss = loss + added",
        "loss = loss + 0 * added",
        "tests/train/test_regularizer.py",
    ),
    Bug(
        "extremes of taps that fall together",
        "jaxpad/layers/regularize.py",
        " if math.gcd(n, dilation) == 1",
        "",
        "tests/layers/test_regularize.py",
    ),
    Bug(
        "a long axis has one more stride",
        "jaxpad/regularizers/patterns.py",
        "kind[2] += strides * (",
        "kind[2] += (strides + 1) * (",
        "tests/regularizers/test_lorth.py",
    ),
    Bug(
        "a later augmentation repeats the first's keys",
        "jaxpad/data/augment/compose.py",
        "keys if n == 0 else fold(keys, _NEXT + n)",
        "keys",
        "tests/data/test_augment.py",
    ),
    Bug(
        "cells from outside are class 0",
        "jaxpad/data/augment/geometry.py",
        "label[place], IGNORE",
        "label[place], 0",
        "tests/data/test_augment_operations.py",
    ),
    Bug(
        "a confusion matrix is transposed",
        "jaxpad/train/segmentation.py",
        "true * classes + predictions",
        "predictions * classes + true",
        "tests/train/test_segmentation.py",
    ),
    Bug(
        "parts of a batch count alike",
        "jaxpad/train/accumulate.py",
        "v * weight.astype(v.dtype)",
        "v",
        "tests/train/test_accumulate.py",
    ),
    Bug(
        "a crop is the same in every epoch",
        "jaxpad/data/batches.py",
        "default_rng((self.seed, epoch, number))",
        "default_rng((self.seed, number))",
        "tests/data/test_batches.py",
    ),
    Bug(
        "every host reads the first part",
        "jaxpad/data/batches.py",
        "slice(which * part, (which + 1) * part)",
        "slice(0, part)",
        "tests/data/test_batches.py",
    ),
    Bug(
        "a test image is trained on",
        "jaxpad/data/folders.py",
        "seen = {*train, *test}",
        "seen = {*train}",
        "tests/data/test_real_formats.py",
    ),
    Bug(
        "the halves of a photograph meet",
        "jaxpad/data/photos.py",
        "middle + GAP // 2 :",
        "middle - GAP // 2 :",
        "tests/data/test_photos.py",
    ),
    Bug(
        "an encoder's first dilation is late",
        "jaxpad/models/resnet.py",
        "_Unit(stride, (before, rate))",
        "_Unit(stride, (rate, rate))",
        "tests/models/test_resnet.py",
    ),
    Bug(
        "the head of VGG reads channels last",
        "jaxpad/models/vgg.py",
        "jnp.moveaxis(_means(x, self.grid), -1, 1).reshape",
        "_means(x, self.grid).reshape",
        "tests/models/test_weights.py",
    ),
    Bug(
        "skips of a U-Net lie beside their pixels",
        "jaxpad/models/unet.py",
        "- x.shape[axis]) // 2 for",
        "- x.shape[axis]) // 4 for",
        "tests/models/test_unet.py",
    ),
    Bug(
        "dilations do not follow the output stride",
        "jaxpad/models/deeplab.py",
        "rate * 16 // output_stride",
        "rate",
        "tests/models/test_deeplab.py",
    ),
    Bug(
        "an exported model still trains",
        "jaxpad/models/export.py",
        "        model.eval()\n",
        "",
        "tests/models/test_export.py",
    ),
    Bug(
        "pictures are of other records",
        "jaxpad/train/pictures.py",
        "numbers = evaluation.numbers[chosen].astype(int)",
        "numbers = chosen",
        "tests/train/test_results.py",
    ),
    Bug(
        "what is right is drawn as wrong",
        "jaxpad/reports/masks.py",
        "_where(label != said, WRONG, pale)",
        "_where(label == said, WRONG, pale)",
        "tests/reports/test_reports_masks.py",
    ),
    Bug(
        "a tracker that exits ends the run",
        "jaxpad/train/trackers.py",
        "except BaseException as error",
        "except Exception as error",
        "tests/train/test_trackers.py::test_failing_tracker_is_left_with_one_warning",
    ),
    Bug(
        "a restart knows no pace",
        "jaxpad/train/clock.py",
        "pace = self.before / self.start",
        "pace = None",
        "tests/train/test_clock.py",
    ),
    Bug(
        "zeros win in the maximum of a part",
        "jaxpad/conv/shards.py",
        "    if not absent:\n        return padding",
        "    if True:\n        return padding",
        "tests/sharding/test_spatial.py",
    ),
    Bug(
        "images stay whole at the beginning",
        "jaxpad/conv/shards.py",
        "None if n % devices else name",
        "None",
        "tests/sharding/test_spatial.py",
    ),
    Bug(
        "every axis that someone else places is split",
        "jaxpad/conv/shards.py",
        "if types.get(name) == AxisType.Auto and",
        "if name in types and",
        "tests/sharding/test_spatial.py",
    ),
    Bug(
        "halos come from the wrong side",
        "jaxpad/conv/exchange.py",
        "start = (split.cells - width, 0)[side]",
        "start = (0, split.cells - width)[side]",
        "tests/conv/test_halo.py",
    ),
    Bug(
        "stage 1 splits nothing",
        "jaxpad/sharding/stages.py",
        "1: Stage(optimizer=True, ",
        "1: Stage(optimizer=False, ",
        "tests/sharding/test_zero.py",
    ),
    Bug(
        "stage 2 does not split gradients",
        "jaxpad/sharding/stages.py",
        "2: Stage(optimizer=True, gradients=True",
        "2: Stage(optimizer=True, gradients=False",
        "tests/train/test_plan.py::test_the_compiled_step_holds_what_the_formula_says",
    ),
    Bug(
        "the first half of a collective is counted too",
        "jaxpad/train/compiled.py",
        "(?:-done)?",
        "(?:-start|-done)?",
        "tests/train/test_plan.py",
    ),
    Bug(
        "every optimizer may see flat arrays",
        "jaxpad/sharding/shapes.py",
        "if len(shapes) > 1:",
        "if len(shapes) > 9:",
        "tests/sharding/test_zero.py",
    ),
    Bug(
        "gradients are not split as the optimizer sees them",
        "jaxpad/sharding/layout.py",
        "return jnp.pad(x.ravel(), (0, layout.padded - x.size))",
        "return jnp.pad(x.T.ravel(), (0, layout.padded - x.size))",
        "tests/sharding/test_zero.py",
    ),
    Bug(
        "a checkpoint holds padded arrays",
        "jaxpad/train/placement.py",
        "return self._changed(unpack, stored)",
        "return stored",
        "tests/train/test_stages.py",
    ),
    Bug(
        "a flipped bit in a checkpoint's file",
        "jaxpad/train/checkpoint/verify.py",
        'return "" if found == expected["sha256"] else',
        'return "" if found else',
        "tests/train/test_checkpoint.py::test_a_flipped_bit_is_found",
    ),
    Bug(
        "a flipped bit in a checkpoint's manifest",
        "jaxpad/train/checkpoint/manifest.py",
        "whole = text == _text(content).encode()",
        "whole = True",
        "tests/train/test_checkpoint.py",
    ),
    Bug(
        "a checkpoint's arrays are not those of the devices",
        "jaxpad/train/checkpoint/store.py",
        "        check_digests(path, manifest, array_digests(arrays))\n",
        "",
        "tests/train/test_checkpoint.py",
    ),
    Bug(
        "a digest in which flipped signs cancel",
        "jaxpad/train/checkpoint/digest.py",
        "_mixed(words ^ _mixed(place ^ jnp.uint32(seed)))",
        "words * (_mixed(place ^ jnp.uint32(seed)) | jnp.uint32(1))",
        "tests/train/test_digest.py",
    ),
    Bug(
        "a digest without positions",
        "jaxpad/train/checkpoint/digest.py",
        "_mixed(words ^ _mixed(place ^ jnp.uint32(seed)))",
        "_mixed(words ^ jnp.uint32(seed)) + 0 * place",
        "tests/train/test_digest.py",
    ),
    Bug(
        "a half-written checkpoint has a name",
        "jaxpad/train/checkpoint/store.py",
        'return self.folder / f"{step}{SAVING}"',
        'return self.folder / f"{step}"',
        "tests/train/test_checkpoint.py::test_kill_in_the_middle_of_a_save",
    ),
    Bug(
        "what a killed save left stays",
        "jaxpad/train/checkpoint/folder.py",
        "for path in unfinished_in(folder):",
        "for path in ():",
        "tests/train/test_checkpoint.py",
    ),
    Bug(
        "a save that comes too early waits",
        "jaxpad/train/checkpoint/store.py",
        "            self._skip(step)\n            return False\n",
        "            self.wait()\n",
        "tests/train/test_checkpoint.py::test_a_save_that_comes_too_early_is_left_out",
    ),
    Bug(
        "failing saves go on forever",
        "jaxpad/train/checkpoint/store.py",
        "if len(self._failed) >= limit:",
        "if limit == 1 and self._failed:",
        "tests/train/test_checkpoint.py::"
        "test_a_full_disk_is_told_at_once_and_tried_again",
    ),
    Bug(
        "a save that succeeds does not end a row of failures",
        "jaxpad/train/checkpoint/store.py",
        "self._failed.clear()",
        "pass",
        "tests/train/test_checkpoint.py",
    ),
    Bug(
        "a damaged checkpoint is deleted",
        "jaxpad/train/checkpoint/recover.py",
        "    path.rename(to)\n",
        "    __import__('shutil').rmtree(path)\n",
        "tests/train/test_recover.py",
    ),
    Bug(
        "a run whose checkpoints are gone begins anew",
        "jaxpad/train/checkpoint/recover.py",
        "(folder.parent / NEWEST).exists()",
        "False",
        "tests/train/test_recover.py",
    ),
    Bug(
        "a run whose checkpoints are all damaged begins anew",
        "jaxpad/train/checkpoint/recover.py",
        "return LOST if had else NONE",
        "return NONE",
        "tests/train/test_recover.py::test_none_is_good",
    ),
    Bug(
        "a checkpoint of another model is read",
        "jaxpad/train/checkpoint/store.py",
        '        check_fits(path, manifest["arrays"], wanted)\n',
        "",
        "tests/train/test_recover.py::test_another_model_is_told_by_its_arrays",
    ),
    Bug(
        "a run goes on under any config",
        "jaxpad/train/workdir.py",
        'if key.partition(".")[0] not in SAFE}',
        'if key.partition(".")[0] in ()}',
        "tests/train/test_workdir.py::"
        "test_keys_that_change_nothing_that_is_learned_go_on",
    ),
    Bug(
        "the old config is lost",
        "jaxpad/train/workdir.py",
        "                write_whole(kept, path.read_text())\n",
        "                pass\n",
        "tests/train/test_workdir.py::"
        "test_others_need_a_word_and_the_old_ones_are_kept",
    ),
    Bug(
        "the last layer of a file is taken though it is to be new",
        "jaxpad/models/paths.py",
        "left = () if head else last",
        "left = ()",
        "tests/models/test_weights.py",
    ),
    Bug(
        "a halted process is waited for",
        "jaxpad/train/watch.py",
        "self.silent[number] + 1 if word == before",
        "self.silent[number] if word == before",
        "tests/train/test_watch.py::test_the_rest_name_it_and_stop",
    ),
    Bug(
        "when the first process dies the others abort",
        "jaxpad/train/watch.py",
        "        _delay_aborts()\n",
        "",
        "tests/train/test_watch.py",
    ),
    Bug(
        "a collective that fails counts as an error of one's own",
        "jaxpad/train/watch.py",
        "if of_jax and watch",
        "if not of_jax and watch",
        "tests/train/test_watch.py",
    ),
    Bug(
        "a process that fails waits for those that are gone",
        "jaxpad/train/watch.py",
        "            os._exit(code)\n",
        "",
        "tests/train/test_watch.py",
    ),
    Bug(
        "a step that is not finite changes parameters",
        "jaxpad/train/step.py",
        'good = all_finite((loss, metrics["grad_norm"], stats))',
        "good = all_finite(loss)",
        "tests/faults/test_numbers.py::test_a_bad_step_changes_nothing",
    ),
    Bug(
        "a bad batch statistic stays",
        "jaxpad/train/step.py",
        "stats = either(good, stats, state.stats)",
        "good = good",
        "tests/faults/test_numbers.py::test_a_bad_step_changes_nothing",
    ),
    Bug(
        "the average takes a bad step",
        "jaxpad/train/step.py",
        "average = either(good, moved, average)",
        "average = moved",
        "tests/faults/test_numbers.py::test_a_bad_step_changes_nothing",
    ),
    Bug(
        "a spike of the loss is taken",
        "jaxpad/train/step.py",
        "good &= ~is_spike(usual, loss, deviations)",
        "good &= True",
        "tests/faults/test_numbers.py::test_a_spike_changes_nothing",
    ),
    Bug(
        "steps that are not finite go on for ever",
        "jaxpad/train/skipped.py",
        "if self.in_a_row > self.most:",
        "if self.in_a_row > 10**6:",
        "tests/faults/test_numbers.py::test_too_many_stop_the_run",
    ),
    Bug(
        "a good step does not end a row of bad ones",
        "jaxpad/train/skipped.py",
        "            self.in_a_row = 0\n",
        "            pass\n",
        "tests/faults/test_numbers.py",
    ),
    Bug(
        "two runs write into one folder",
        "jaxpad/train/lock.py",
        "fcntl.LOCK_EX | fcntl.LOCK_NB",
        "fcntl.LOCK_SH | fcntl.LOCK_NB",
        "tests/faults/test_surroundings.py::test_one_run_a_folder",
    ),
    Bug(
        "a hanging run is silent",
        "jaxpad/train/stall.py",
        "time.monotonic() - since > patience",
        "False",
        "tests/faults/test_surroundings.py::test_a_hanging_run_says_where",
    ),
    Bug(
        "a signal does not end the wait for data",
        "jaxpad/train/stop.py",
        "        if self._waiting:\n            raise StoppedError\n",
        "",
        "tests/faults/test_stop.py",
    ),
    Bug(
        "a signal just before a wait is lost",
        "jaxpad/train/stop.py",
        "            stop.remind()\n",
        "            pass\n",
        "tests/faults/test_stop.py",
    ),
    Bug(
        "a signal waits for the compiler",
        "jaxpad/train/stop.py",
        "at_once = stop.alone and not stop.unsaved",
        "at_once = False",
        "tests/faults/test_signals.py::test_while_it_compiles",
    ),
    Bug(
        "a second signal is as the first",
        "jaxpad/train/stop.py",
        "            _end(console, 128 + number[0])\n",
        "            pass\n",
        "tests/faults/test_signals.py::test_the_second_ends_it_at_once",
    ),
    Bug(
        "an evaluation that was broken off is left out",
        "jaxpad/train/loop.py",
        "if agreed(self._due() and not self._tested()):",
        "if False:",
        "tests/faults/test_signals.py::test_during_evaluation",
    ),
    Bug(
        "a signal's exit code is that of success",
        "jaxpad/train/stop.py",
        "else Exit.STOPPED",
        "else 0",
        "tests/faults/test_signals.py::test_during_evaluation",
    ),
    Bug(
        "each process ends after a step of its own",
        "jaxpad/train/stop.py",
        "                self._changed.wait()\n",
        "                return True\n",
        "tests/faults/test_stop.py::test_all_end_after_the_same",
    ),
    Bug(
        "a torn line stays in the log",
        "jaxpad/train/metrics.py",
        '.split(b"\\n")[:-1], 1)',
        '.split(b"\\n"), 1)',
        "tests/train/test_metrics.py::test_going_on_drops_later_and_torn_lines",
    ),
    Bug(
        "a name in a restored config imports",
        "jaxpad/registry.py",
        "if allowed is not None and spec not in allowed:",
        "if False:",
        "tests/test_untrusted.py",
    ),
    Bug(
        "a path in a manifest leaves its folder",
        "jaxpad/train/checkpoint/manifest.py",
        "        inside(folder, name)\n",
        "",
        "tests/train/test_checkpoint_command.py",
    ),
    Bug(
        "steps beyond the checkpoint are logged twice",
        "jaxpad/train/metrics.py",
        'if row["step"] <= start]',
        "]",
        "tests/train/test_metrics.py",
    ),
    Bug(
        "what was logged after the checkpoint stays",
        "jaxpad/train/metrics.py",
        'kept = [row for row in read_metrics(self.path) if row["step"] <= start]',
        "kept = read_metrics(self.path)",
        "tests/train/test_resume.py::test_killed_run_ends_bit_equal",
    ),
    Bug(
        "Ctrl-C ends as SIGTERM",
        "jaxpad/train/stop.py",
        "return 130 if self.signal == signal.SIGINT else Exit.STOPPED",
        "return Exit.STOPPED",
        "tests/faults/test_signals.py::test_while_data_do_not_come",
    ),
    Bug(
        "a checkpoint holds flattened arrays",
        "jaxpad/train/placement.py",
        "return self._changed(unpack, stored)",
        "return stored",
        "tests/train/test_restore.py::test_any_number_of_devices_and_any_stage",
    ),
    Bug(
        "a reading process that was killed is any error",
        "jaxpad/data/ahead.py",
        "if KILLED not in str(error):",
        "if True:",
        "tests/data/test_broken.py::test_a_worker_that_is_killed_ends_the_batches",
    ),
    Bug(
        "examples that fill a batch count",
        "jaxpad/data/evaluation.py",
        "np.where(inside, places, start)], inside",
        "np.where(inside, places, start)], np.ones_like(inside)",
        "tests/train/test_evaluate.py::test_every_example_counts_once",
    ),
    Bug(
        "parameters are of the dtype that computes",
        "jaxpad/train/step.py",
        "params, opt_state = split.update(grads, state.opt_state, state.params, good)",
        "params, opt_state = split.update(grads, state.opt_state, state.params, good)\n"
        "    params = jax.tree.map(lambda p: p.astype(jnp.bfloat16), params)",
        "tests/train/test_step.py::"
        "test_bfloat16_computes_while_parameters_stay_float32",
    ),
    Bug(
        "a key that there is not is a traceback",
        "jaxpad/launch/config.py",
        "except (AttributeError, KeyError) as error:",
        "except ZeroDivisionError as error:",
        "tests/test_launch.py::test_mistake_is_named",
    ),
    Bug(
        "the parts of a batch are summed",
        "jaxpad/train/accumulate.py",
        "divisor = jnp.where(weight == 0, jnp.ones_like(weight), weight)",
        "divisor = jnp.ones_like(weight)",
        "tests/train/test_step.py::"
        "test_parts_of_a_batch_have_its_gradient_but_for_batch_norm",
    ),
    Bug(
        "the second step has another dtype",
        "jaxpad/train/step.py",
        "new = TrainState(state.step + 1,",
        "new = TrainState((state.step + 1).astype(jnp.uint32),",
        "tests/train/test_step.py::test_step_is_pure_and_compiles_once",
    ),
    Bug(
        "infinite parameters are saved",
        "jaxpad/train/loop.py",
        "        self._check_finite()\n",
        "",
        "tests/faults/test_numbers.py::test_infinite_parameters_are_not_saved",
    ),
    Bug(
        "a run goes on from links",
        "jaxpad/train/checkpoint/verify.py",
        "if not stat.S_ISREG(found.st_mode):",
        "if False:",
        "tests/train/test_checkpoint.py::test_links_and_other_steps_are_damage",
    ),
    Bug(
        "a folder that vanished is made again",
        "jaxpad/train/checkpoint/store.py",
        "self.folder.mkdir(parents=not self._made, exist_ok=True)",
        "self.folder.mkdir(parents=True, exist_ok=True)",
        "tests/train/test_checkpoint.py::test_a_folder_that_vanishes_is_not_made_again",
    ),
    Bug(
        "what takes all of an array is not tried",
        "jaxpad/sharding/shapes.py",
        "    if any(map(_takes_all, found)) and not _alike(optimizer, params):",
        "    if False:",
        "tests/sharding/test_shapes.py",
    ),
    Bug(
        "a stuck process is waited for",
        "jaxpad/train/watch.py",
        "        if self.late[number] * PAUSE >= LATE:",
        "        if False:",
        "tests/train/test_watch.py::test_one_that_is_alive_and_stuck_ends_all",
    ),
    Bug(
        "the seed is in the program",
        "jaxpad/train/functions.py",
        "        keys = _record_keys(batch)",
        "        same = jnp.full_like(batch['seed'], config.seed)\n"
        "        keys = _record_keys(batch | {'seed': same})",
        "tests/train/test_one_program.py::test_the_program_is_the_same_for_every_seed",
    ),
    Bug(
        "runs have each other's state",
        "jaxpad/train/sweep/lanes.py",
        "return [jax.tree.map(_as, one, like) for one in found]",
        "return [jax.tree.map(_as, one, like) for one in found[::-1]]",
        "tests/train/test_one_program.py::test_a_step_of_two_runs_is_that_of_each",
    ),
    Bug(
        "a run that has left is waited for",
        "jaxpad/train/sweep/meeting.py",
        "            self._here.discard(lane)\n            self._meet()",
        "            self._here.discard(lane)",
        "tests/train/test_one_program.py",
    ),
    Bug(
        "a folder that cannot be written to is found out later",
        "jaxpad/train/workdir.py",
        '        write_whole(folder / ".writable", "jaxpad")\n'
        '        (folder / ".writable").unlink()\n',
        "",
        "tests/train/test_workdir.py::test_unwritable_folder",
    ),
    Bug(
        "too little room is found out later",
        "jaxpad/train/workdir.py",
        "if free < bytes_needed:",
        "if False:",
        "tests/train/test_workdir.py::test_too_little_room",
    ),
    Bug(
        "a run goes on with other data",
        "jaxpad/train/workdir.py",
        "path.read_text().strip()) != fingerprint:",
        "path.read_text().strip()) == 0:",
        "tests/train/test_workdir.py::test_other_data_are_refused",
    ),
    Bug(
        "out of memory is any error",
        "jaxpad/train/running.py",
        'if "RESOURCE_EXHAUSTED" not in str(error):',
        "if True:",
        "tests/faults/test_surroundings.py::"
        "test_a_run_that_runs_out_of_memory_says_what_to_change",
    ),
    Bug(
        "a step that is too large is any error of the compiler",
        "jaxpad/train/plan.py",
        'if "RESOURCE_EXHAUSTED" not in str(error):',
        "if True:",
        "tests/train/test_plan.py::test_running_out_of_memory_is_explained",
    ),
    Bug(
        "a batch need not split",
        "jaxpad/train/build.py",
        '    check_batch(config.batch_size, mesh.shape["data"])\n',
        "",
        "tests/train/test_build.py::test_what_does_not_split_is_named",
    ),
    Bug(
        "a batch of the test need not split",
        "jaxpad/train/build.py",
        "    if config.eval_batch_size:\n",
        "    if False:\n",
        "tests/train/test_build.py::test_what_does_not_split_is_named",
    ),
    Bug(
        "images need not split",
        "jaxpad/train/inputs.py",
        '{"train_crop": batches, "test_crop": tests}.items()',
        '{"test_crop": tests}.items()',
        "tests/train/test_build.py::test_what_does_not_split_is_named",
    ),
    Bug(
        "images of the test need not split",
        "jaxpad/train/inputs.py",
        '{"train_crop": batches, "test_crop": tests}.items()',
        '{"train_crop": batches}.items()',
        "tests/train/test_build.py::test_what_does_not_split_is_named",
    ),
    Bug(
        "processes share an example that each reads alone",
        "jaxpad/train/build.py",
        "        check_processes(mesh.devices)\n",
        "        pass\n",
        "tests/train/test_watch.py::test_they_cannot_share_an_example",
    ),
    Bug(
        "nobody asks how much is split",
        "jaxpad/train/functions.py",
        "            least=config.zero_coverage,\n",
        "",
        "tests/train/test_build.py::test_what_does_not_split_is_named",
    ),
    Bug(
        "any coverage is enough",
        "jaxpad/sharding/stages.py",
        "found.coverage < least",
        "found.coverage < 0 * least",
        "tests/sharding/test_zero.py::test_what_is_left_whole_is_an_error_and_says_why",
    ),
    Bug(
        "a batch is tried on the newest state",
        "jaxpad/train/replay.py",
        "step, saved = int(named[1]), saved_steps(folder)",
        "saved = saved_steps(folder)\n    step = saved[-1]",
        "tests/faults/test_numbers.py::"
        "test_a_batch_is_tried_on_the_state_that_its_step_saw",
    ),
    Bug(
        "a batch is copied to the devices by the way",
        "jaxpad/train/loop.py",
        "job.train_step(self.state, job.place(batch))",
        "job.train_step(self.state, batch)",
        "tests/train/test_loop.py::test_no_hidden_copies",
    ),
    Bug(
        "a process that reads outlives the run",
        "jaxpad/data/ahead.py",
        "parent.pid == reader:",
        "parent.pid == 0:",
        "tests/data/test_broken.py::test_a_worker_ends_with_a_process_that_is_killed",
    ),
    Bug(
        "a file of a checkpoint that is missing is not missed",
        "jaxpad/train/checkpoint/verify.py",
        'return f"{path} is missing"',
        'return ""',
        "tests/train/test_checkpoint.py::"
        "test_each_file_that_is_shorter_missing_or_strange_is_found",
    ),
    Bug(
        "a crop depends on who reads it",
        "jaxpad/data/batches.py",
        "default_rng((self.seed, epoch, number))",
        'default_rng((self.seed, epoch, __import__("os").getpid()))',
        "tests/data/test_batches.py::test_workers_change_nothing",
    ),
    Bug(
        "a record that stands in for another is not counted",
        "jaxpad/data/batches.py",
        'return int((self.wanted(step) != batch["id"][:, 1]).sum())',
        "return 0",
        "tests/data/test_batches.py::test_skip_takes_the_next_record_and_counts",
    ),
    Bug(
        "parts of an image see the wrong neighbour",
        "jaxpad/conv/exchange.py",
        "start = (split.cells - width, 0)[side]",
        "start = (0, split.cells - width)[side]",
        "tests/sharding/test_spatial.py::test_odd_sizes_and_dilations",
    ),
    Bug(
        "who is late is not named",
        "jaxpad/train/stop.py",
        "if ticks < furthest]",
        "if ticks > furthest]",
        "tests/faults/test_surroundings.py::test_who_is_behind",
    ),
    Bug(
        "the first process of a cluster ends before the others",
        "jaxpad/train/watch.py",
        "for number in range(1, len(self.said)):",
        "for number in ():",
        "tests/train/test_watch.py::test_the_first_outlives_the_others",
    ),
    Bug(
        "each process of a cluster chooses its checkpoint",
        "jaxpad/train/checkpoint/recover.py",
        "agreed(_choose(checkpoints) if first() else NONE)",
        "_choose(checkpoints) if first() else NONE",
        "tests/train/test_watch.py::test_two_go_on",
    ),
    Bug(
        "a label out of range is learned",
        "jaxpad/data/examples.py",
        "if number is None or not 0 <= number < count:",
        "if number is None:",
        "tests/data/test_batches.py::test_targets_are_checked",
    ),
    Bug(
        "pairs of seeds that are not the same",
        "jaxpad/reports/statistics.py",
        "for s in both]) for arm in (values, baseline)]",
        "for s in sorted(arm)[: len(both)]]) for arm in (values, baseline)]",
        "tests/reports/test_reports_statistics.py",
    ),
    Bug(
        "a p-value of one side",
        "jaxpad/reports/statistics.py",
        "p = 2 * stdtr(",
        "p = stdtr(",
        "tests/reports/test_reports_statistics.py",
    ),
    Bug(
        "Holm's steps not made monotone",
        "jaxpad/reports/statistics.py",
        "np.minimum(np.maximum.accumulate(stepped, axis=-1), 1.0)",
        "np.minimum(stepped, 1.0)",
        "tests/reports/test_reports_statistics.py",
    ),
    Bug(
        "a standard deviation of the population",
        "jaxpad/reports/statistics.py",
        "return values.std(axis=-1, ddof=1)",
        "return values.std(axis=-1)",
        "tests/reports/test_reports_statistics.py",
    ),
    Bug(
        "one seed too few",
        "jaxpad/reports/statistics.py",
        "    return high\n",
        "    return low\n",
        "tests/reports/test_reports_statistics.py",
    ),
    Bug(
        "p-values of a table that are not corrected",
        "jaxpad/reports/sweeps/metrics.py",
        "p = holm(np.array([each.p for each in against.values()], float))",
        "p = np.array([each.p for each in against.values()], float)",
        "tests/reports/test_reports_sweep_page.py::test_numbers_equal_scipys",
    ),
    Bug(
        "an answer that no shift moved counted as stable",
        "jaxpad/reports/sweeps/metrics.py",
        "if pixels and share is not None]",
        "if share is not None]",
        "tests/reports/test_reports_sweep_parts.py",
    ),
    Bug(
        "pictures of an earlier page stay",
        "jaxpad/reports/sweeps/page.py",
        "(folder / name).unlink(missing_ok=True)",
        "pass",
        "tests/reports/test_reports_sweep_page.py::test_pictures_of_an_earlier_page_go",
    ),
    Bug(
        "a run is finished before its look near borders",
        "jaxpad/train/sweep/runs.py",
        "looked = not self.borders or",
        "looked = True or",
        "tests/train/test_sweep_states.py",
    ),
    Bug(
        "a folder's name without the config",
        "jaxpad/train/sweep/runs.py",
        "if k not in SAFE}",
        "if k in SAFE}",
        "tests/train/test_sweep_runs.py::test_names_are_of_the_arm_and_of_all_of_the_config",
    ),
    Bug(
        "an arm that is named twice",
        "jaxpad/train/sweep/runs.py",
        "        if name in found:\n",
        "        if False:\n",
        "tests/train/test_sweep_runs.py::test_arms_that_cannot_be_are_named",
    ),
    Bug(
        "distance to the border of one side alone",
        "jaxpad/analysis/borders/ring.py",
        "np.minimum(np.arange(n), np.arange(n)[::-1]) for n in",
        "np.arange(n) for n in",
        "tests/analysis/test_border_curves.py::test_distance_of_pixels_equals_a_loop",
    ),
    Bug(
        "border and centre from the wrong zones",
        "jaxpad/analysis/borders/curves.py",
        "first = len(parts) - number  #",
        "first = number + 1  #",
        "tests/analysis/test_border_curves.py::test_cutout_of_pixels_equals_a_loop",
    ),
    Bug(
        "answers of pixels shifted twice near borders",
        "jaxpad/analysis/borders/shift.py",
        "scores = rolled(scores, -pixels)",
        "scores = rolled(scores, pixels)",
        "tests/analysis/test_border_curves.py::test_consistency_equals_a_loop",
    ),
    Bug(
        "a norm changes the paths from the border",
        "jaxpad/analysis/borders/foveation.py",
        "layer.__class__ = _identity(type(layer))",
        "pass",
        "tests/analysis/test_border_maps.py::test_foveation_is_the_number_of_paths",
    ),
    Bug(
        "padding after the border taken for read",
        "jaxpad/analysis/borders/uneven.py",
        "after = count[len(count) - hi :]",
        "after = count[:hi]",
        "tests/analysis/test_border_maps.py::test_padding_that_is_never_read",
    ),
    Bug(
        "amounts that valid has lost at the border",
        "jaxpad/train/borders/programs.py",
        "like=crossing.usual)",
        "like=None)",
        "tests/train/test_borders_run.py::"
        "test_valid_takes_the_amounts_of_the_model_under_zeros",
    ),
    Bug(
        "borders of an earlier step taken for the last's",
        "jaxpad/train/borders/write.py",
        'found.get("step") == step',
        '"step" in found',
        "tests/train/test_borders_run.py::test_when_it_is_done_again",
    ),
    Bug(
        "a stop while borders are measured goes unheard",
        "jaxpad/train/borders/measure.py",
        "            raise StoppedError",
        "            pass",
        "tests/train/test_borders_run.py::"
        "test_a_run_that_is_asked_to_end_writes_nothing",
    ),
    Bug(
        "times go by the wall clock",
        "jaxpad/train/clock.py",
        "        now = time.monotonic()",
        "        now = time.time()",
        "tests/train/test_clock.py::test_a_wall_clock_that_jumps_changes_nothing",
    ),
    Bug(
        "packing: rows may be overfull",
        "jaxpad/batching/checks.py",
        "if cells.max() > capacity:",
        "if cells.max() > 2 * capacity:",
        "tests/batching/test_refusals.py",
    ),
    Bug(
        "packing: patterns may leave sequences out",
        "jaxpad/batching/promises.py",
        "if (held != histogram).any():",
        "if (held > histogram).any():",
        "tests/batching/test_refusals.py::test_a_packer_that_breaks_its_promise_is_told",
    ),
    Bug(
        "packing: a false proof passes",
        "jaxpad/batching/plan.py",
        "if rows < bound:",
        "if rows < bound - 1:",
        "tests/batching/test_refusals.py::test_a_false_proof_is_told",
    ),
    Bug(
        "packing: a row of one too many",
        "jaxpad/batching/decreasing.py",
        "each = min(int(self.space[run]) // length, int(self.room[run]))",
        "each = int(self.space[run]) // length",
        "tests/batching/test_packers.py",
    ),
    Bug(
        "packing: best fit takes the emptiest",
        "jaxpad/batching/packers/best_fit.py",
        "space = smallest(spaces, length)",
        "space = spaces.bit_length() - 1 if spaces >> length else -1",
        "tests/batching/test_packers.py::test_fits_are_those_of_the_definition",
    ),
    Bug(
        "packing: first fit keeps a batch open",
        "jaxpad/batching/packers/first_fit.py",
        "if tree.most < length:",
        "if tree.most < length and (open_rows := 2 * open_rows):",
        "tests/batching/test_grain.py",
    ),
    Bug(
        "packing: the worthiest row ignores the limit",
        "jaxpad/batching/knapsack.py",
        "if limit < most:",
        "if limit < 0:",
        "tests/batching/test_bounds.py::test_the_knapsack_finds_the_worthiest_row",
    ),
    Bug(
        "packing: a bound from the solver's own value",
        "jaxpad/batching/packers/column_generation.py",
        "bound = max(bound, master.price())",
        "bound = max(bound, master.price(), round(value) + 1)",
        "tests/batching/test_bounds.py",
    ),
    Bug(
        "packing: a slot takes a longer sequence",
        "jaxpad/batching/slots.py",
        "for length in range(len(supply) - 1, 0, -1):",
        "for length in range(1, len(supply)):",
        "tests/batching/test_bounds.py",
    ),
    Bug(
        "packing: positions go on in the next sequence",
        "jaxpad/batching/layout.py",
        "positions = filled(offset, 0)",
        "positions = filled(0 * offset, 0)",
        "tests/batching/test_packers.py::test_what_is_laid_out_comes_back",
    ),
    Bug(
        "packing: index counts sequences in packed order",
        "jaxpad/batching/layout.py",
        "of, sizes, starts = of[order], sizes[order], _before(sizes)[order]",
        "of, sizes, starts = of[order], sizes[order], _before(sizes[order])",
        "tests/batching/test_packers.py::test_what_is_laid_out_comes_back",
    ),
    Bug(
        "packing: a cut end is not counted",
        "jaxpad/batching/cut.py",
        '"cells lost": int((lengths - kept).sum())',
        '"cells lost": int(lengths[kept == 0].sum())',
        "tests/batching/test_cut.py",
    ),
    Bug(
        "packing: buckets one size short",
        "jaxpad/batching/buckets.py",
        "for _ in range(min(k, len(sizes))):",
        "for _ in range(max(1, min(k, len(sizes)) - 1)):",
        "tests/batching/test_buckets.py",
    ),
    Bug(
        "bert: rotary positions turn nothing",
        "jaxpad/models/bert.py",
        "turn = rope if rotary else None",
        "turn = None",
        "tests/models/test_bert.py::test_rotary_positions_tell_order_and_nothing_else",
    ),
    Bug(
        "plan: the linear program's proof is left out",
        "jaxpad/batching/plan.py",
        "if rows > bound and proved <= counted and proof_seconds:",
        "if rows > bound and proved > counted and proof_seconds:",
        "tests/batching/test_bounds.py::test_every_plan_has_the_linear_program_s_proof",
    ),
    Bug(
        "plan: the proof is of rows without a limit of sequences",
        "jaxpad/batching/linear_bound.py",
        "master = Master(counts, cells, max_per_row or cells, start)",
        "master = Master(counts, cells, cells, start)",
        "tests/batching/test_bounds.py::test_every_plan_has_the_linear_program_s_proof",
    ),
    Bug(
        "statistics: an interval over one end of the margin is inside",
        "jaxpad/reports/statistics.py",
        "if -margin <= low and high <= margin:",
        "if -margin <= low or high <= margin:",
        "tests/reports/test_reports_statistics.py::test_within_a_margin",
    ),
    Bug(
        "bert: what does not fit into a flat row is told as nothing",
        "jaxpad/models/bert.py",
        "jnp.where(lost, jnp.nan, told.values)",
        "jnp.where(lost, 0.0, told.values)",
        "tests/models/test_bert.py::test_flat_cells_that_are_too_few",
    ),
    Bug(
        "text: a flat row for fewer tokens than there are",
        "jaxpad/train/build.py",
        "if cells < mean:",
        "if cells < mean / 1000:",
        "tests/train/test_text_run.py::test_refused",
    ),
    Bug(
        "text: what is told is never left as it is",
        "jaxpad/train/objectives.py",
        "jnp.where(how < 0.9, other, tokens)",
        "jnp.where(how < 1.0, other, tokens)",
        "tests/train/test_language.py::test_what_hides_a_token",
    ),
    Bug(
        "text: empty cells are told",
        "jaxpad/train/objectives.py",
        "told = told & cells.real",
        "told = told | ~cells.real",
        "tests/train/test_language.py::test_an_evaluation_is_of_all_texts",
    ),
    Bug(
        "text: what is hidden depends on the batching",
        "jaxpad/train/objectives.py",
        'for name in ("text", "place"))',
        'for name in ("segment_ids", "place"))',
        "tests/train/test_language.py::test_the_same_tokens_are_hidden_under_every_batching",
    ),
    Bug(
        "text: every piece hides the same places",
        "jaxpad/train/objectives.py",
        'for name in ("text", "place"))',
        'for name in ("text", "positions"))',
        "tests/train/test_language.py",
    ),
    Bug(
        "text: every epoch hides the same",
        "jaxpad/train/objectives.py",
        "fold(jax.random.key(seed), epoch)",
        "fold(jax.random.key(seed), 0 * epoch)",
        "tests/train/test_language.py::test_the_same_tokens_are_hidden_under_every_batching",
    ),
    Bug(
        "text: the weight of tokens counts all",
        "jaxpad/train/language.py",
        "jnp.sum(weights & batch.real, dtype",
        "jnp.sum(batch.real, dtype",
        "tests/train/test_language.py::test_losses_are_means_over_what_they_say",
    ),
    Bug(
        "text: texts of which nothing is told count",
        "jaxpad/train/language.py",
        "jnp.sum(counts > 0, dtype",
        "jnp.sum(counts >= 0, dtype",
        "tests/train/test_language.py::test_losses_are_means_over_what_they_say",
    ),
    Bug(
        "text: a test counts pieces as texts",
        "jaxpad/train/texts.py",
        '(rows["segment_ids"] > 0) & (rows["place"] == 0)',
        '(rows["segment_ids"] > 0) & (rows["positions"] == 0)',
        "tests/train/test_language.py::test_an_evaluation_is_of_all_texts",
    ),
    Bug(
        "text: a later piece is shown for a text",
        "jaxpad/train/texts.py",
        'first = np.argwhere(cells & (rows["place"] == 0))',
        'first = np.argwhere(cells & (rows["positions"] == 0))',
        "tests/train/test_language.py::"
        "test_the_first_piece_of_a_text_is_shown_wherever_it_lies",
    ),
    Bug(
        "text: rescaling rounds down",
        "jaxpad/batching/rescale.py",
        "max(1, round(step.rows / factor / unit))",
        "max(1, int(step.rows / factor / unit))",
        "tests/batching/test_rescale.py",
    ),
    Bug(
        "median of the other side's cells",
        "jaxpad/batching/segment_lines.py",
        "batch.positions >= length - many",
        "batch.positions < many",
        "tests/batching/test_segment_conv.py::test_modes_that_are_no_rule",
    ),
    Bug(
        "a prediction fitted across borders",
        "jaxpad/batching/segment_lines.py",
        "(batch.real & (inward >= order))",
        "(batch.real & (inward >= order - 1))",
        "tests/batching/test_segment_conv.py::test_modes_that_are_no_rule",
    ),
    Bug(
        "outermost cells of a longer sequence",
        "jaxpad/batching/segment_forms.py",
        "reach = max(widths) + 1 + (patch - 1) // 2",
        "reach = max(widths) + (patch - 1) // 2",
        "tests/batching/test_segment_conv.py::test_modes_that_are_no_rule",
    ),
    Bug(
        "a mode on both sides made twice",
        "jaxpad/padding/pad.py",
        "else (_mode(m),) * 2",
        "else (_mode(m), _mode(m))",
        "tests/padding/test_pad_mixed.py",
    ),
    Bug(
        "text: parts that devices cannot share",
        "jaxpad/batching/rescale.py",
        "if n * each % multiple == 0",
        "if n * each",
        "tests/batching/test_rescale.py",
    ),
    Bug(
        "text: rescaled rows are not those read",
        "jaxpad/train/inputs.py",
        "batches.rebatched(step.rows)",
        "batches",
        "tests/train/test_text_run.py",
    ),
    Bug(
        "text: all hosts count rows from the first",
        "jaxpad/data/text/batches.py",
        "self._rows + rows_of(self._rows, self._shard).start",
        "self._rows",
        "tests/data/test_text.py::test_hosts_read_parts_of_the_same_batches",
    ),
    Bug(
        "text: the longest are put together",
        "jaxpad/data/text/strategies.py",
        "capacity), grouped=False)",
        "capacity))",
        "tests/data/test_text.py",
    ),
    Bug(
        "text: docstrings are in both parts",
        "jaxpad/data/text/standard_library.py",
        "if text not in said:",
        "if text:",
        "tests/data/test_text.py::test_texts_of_the_standard_library",
    ),
    Bug(
        "text: a saved config is refused",
        "jaxpad/train/inputs.py",
        "if _plain(config[key]) != value",
        "if config[key] != value",
        "tests/train/test_text_run.py::test_a_config_that_a_run_has_saved_is_read_again",
    ),
    Bug(
        "text: batches are replayed as the first",
        "jaxpad/train/replay.py",
        "job.batches[step - 1]",
        "job.batches[0]",
        "tests/train/test_text_resume.py::test_a_batch_of_any_width_can_be_replayed",
    ),
]


def main() -> None:
    """Plants every chosen bug, prints a table, and exits with 1 if one survived."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("only", nargs="?", default="", help="a part of a bug's name")
    parser.add_argument("--jobs", type=int, default=2, help="bugs at the same time")
    arguments = parser.parse_args()
    bugs = [bug for bug in BUGS if arguments.only in bug.name]
    stale = [f"{b.name}: {b.right!r} in {b.file}" for b in bugs if not occurs_once(b)]
    if stale:
        sys.exit("\n".join(["these texts do not occur exactly once:", *stale]))
    if not bugs:
        sys.exit(f"no bug has {arguments.only!r} in its name.")
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        survivors = sum(not killed for killed in pool.map(report, bugs))
    print(f"\n{len(bugs) - survivors} of {len(bugs)} bugs were found.")
    sys.exit(survivors > 0)


def occurs_once(bug: Bug) -> bool:
    """Whether the text to be replaced is still there, and only once."""
    return (ROOT / bug.file).read_text(encoding="utf-8").count(bug.right) == 1


def aimed_at(path: str, test: str) -> list[str]:
    """The names of the bugs that a test, and not just its file, must notice."""
    return [bug.name for bug in BUGS if bug.tests == f"{path}::{test}"]


def report(bug: Bug) -> bool:
    """Plants one bug and prints its row; returns whether a test found it."""
    start = time.monotonic()
    killer = plant(bug)
    seconds = time.monotonic() - start
    print(f"{bug.name:40} {killer or 'SURVIVED'}  ({seconds:.0f} s)", flush=True)
    return bool(killer)


def plant(bug: Bug) -> str:
    """Runs the tests on a copy with the bug; returns the test that failed, if any."""
    with tempfile.TemporaryDirectory(prefix="jaxpad-mutation-") as folder:
        copy = pathlib.Path(folder).resolve()
        for name in COPIED:
            source = ROOT / name
            copier = shutil.copytree if source.is_dir() else shutil.copy
            copier(source, copy / name)
        path = copy / bug.file
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(bug.right, bug.wrong), encoding="utf-8")
        check_import(copy)
        return first_failure(copy, bug.tests)


def run(copy: pathlib.Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs this Python in the copy, with the copy first on its path."""
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def check_import(copy: pathlib.Path) -> None:
    """Raises unless it is the copy's jaxpad that tests will import."""
    code = "import importlib.util as u; print(u.find_spec('jaxpad').origin)"
    found = run(copy, "-c", code).stdout.strip()
    if found != str(copy / "jaxpad" / "__init__.py"):
        raise RuntimeError(f"jaxpad is imported from {found!r}, not from {copy}")


def first_failure(copy: pathlib.Path, tests: str) -> str:
    """The first test that fails; "" if all pass.

    Raises:
        RuntimeError: if pytest could not run the tests at all.
    """
    chosen = "" if "::" in tests else "not slow"  # a test that is named may be slow
    options = ("-x", "-q", "-p", "no:cacheprovider", "-m", chosen)
    done = run(copy, "-m", "pytest", *options, tests)
    if done.returncode == 0:
        return ""
    failed = re.search(r"^FAILED (\S+)", done.stdout, re.MULTILINE)
    if done.returncode != 1 or failed is None:
        raise RuntimeError(f"pytest did not run:\n{done.stdout[-3000:]}{done.stderr}")
    return failed[1]


if __name__ == "__main__":
    main()
