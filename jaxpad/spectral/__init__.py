"""Convolutions as linear maps: their matrix, singular values and norm."""

from . import propagate as propagate
from .matrix import conv_matrix as conv_matrix
from .operator import (
    Operator as Operator,
    is_torus as is_torus,
    read_operator as read_operator,
)
from .transfer import responses as responses, transfer as transfer
from .values import singular_values as singular_values
