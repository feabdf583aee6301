"""Convolution arithmetic on Python ints: sizes, amounts, what an output sees.

Its own modules use no jax; the package around them, which Python imports first, does.
Along one axis of `i` cells, a window of `k` taps at dilation `d` spans
`k' = d (k - 1) + 1` cells; `lo` and `hi` cells are added before and after. "A guide
to convolution arithmetic for deep learning" (Dumoulin and Visin, 2016) derives the
sizes; amounts that differ between the sides, and those that depend on the stride,
follow the same lines.

`python -m jaxpad.arith conv --input 5 --kernel 3` prints and draws one layer.
"""

from .amounts import (
    AMOUNTS as AMOUNTS,
    explicit_widths as explicit_widths,
    side_widths as side_widths,
    span as span,
)
from .inverse import (
    TransposedPadding as TransposedPadding,
    even_sizes as even_sizes,
    input_sizes as input_sizes,
    solve_transposed as solve_transposed,
)
from .picture import (
    ONE_CELL as ONE_CELL,
    Track as Track,
    conv_track as conv_track,
    transposed_track as transposed_track,
)
from .receptive import (
    ReceptiveField as ReceptiveField,
    padding_fractions as padding_fractions,
    receptive_field as receptive_field,
    tap_counts as tap_counts,
)
from .relations import EXTENSIONS as EXTENSIONS, RELATIONS as RELATIONS
from .sizes import (
    conv_output_size as conv_output_size,
    pool_output_size as pool_output_size,
    transposed_output_size as transposed_output_size,
    unused_cells as unused_cells,
)
from .svg import draw_svg as draw_svg
from .text import draw_axis as draw_axis, draw_grid as draw_grid
