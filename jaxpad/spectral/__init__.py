"""Convolutions as linear maps: their matrix, singular values and norm."""

from . import propagate as propagate
from .matrix import conv_matrix as conv_matrix, dense as dense
from .norm import norm as norm
from .operator import (
    Operator as Operator,
    acts_on_axes as acts_on_axes,
    is_torus as is_torus,
    read_kernel as read_kernel,
    read_operator as read_operator,
)
from .transfer import responses as responses, transfer as transfer
from .values import singular_values as singular_values
