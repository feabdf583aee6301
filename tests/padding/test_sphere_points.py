"""The globe: what is in the padding cells, against functions and solids in space."""

import itertools
from typing import Any

import jax
import numpy as np
import pytest

import jaxpad
from tests.oracles import folded_faces


def in_space(colatitude: Any, longitude: Any) -> np.ndarray:
    """Unit vectors; a colatitude beyond a pole is on the other side by itself."""
    south, east = np.meshgrid(colatitude, longitude, indexing="ij")
    flat = np.sin(south)
    return np.stack([flat * np.cos(east), flat * np.sin(east), np.cos(south)], -1)


def smooth(points: np.ndarray) -> np.ndarray:
    """A function on the sphere, without symmetry."""
    x, y, z = np.moveaxis(points, -1, 0)
    return np.exp(x - 0.5 * y) + np.sin(2 * y + z) + x * z


def wind(colatitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
    """A smooth field of vectors by its components to the south and to the east."""
    points = in_space(colatitude, longitude)
    field = np.stack([smooth(np.roll(points, k, -1)) for k in range(3)], -1)
    south = in_space(colatitude + np.pi / 2, longitude)
    east = in_space(np.full_like(colatitude, np.pi / 2), longitude + np.pi / 2)
    return np.stack([(field * south).sum(-1), (field * east).sum(-1)], -1)


@pytest.mark.parametrize(("poles", "widest"), [("between", 6), ("on", 5)])
def test_a_map_goes_on_beyond_the_poles(poles: str, widest: int):
    rows, columns, around = 6, 8, 19
    step = np.pi / (rows if poles == "between" else rows - 1)
    first = step / 2 if poles == "between" else 0.0
    south = first + step * np.arange(-widest, rows + widest)
    east = 2 * np.pi / columns * np.arange(-around, columns + around)
    expected = np.concatenate(
        [smooth(in_space(south, east))[..., None], wind(south, east)], -1
    )
    inside = expected[None, widest:-widest, around:-around]
    with jax.enable_x64(True):
        found = jaxpad.pad(
            inside,
            [(widest, widest), (around, around)],
            f"latlon(poles={poles!r}, odd_channels=(1, 2))",
            axes=(1, 2),
        )
        assert found.dtype == np.float64
        np.testing.assert_allclose(found[0], expected, rtol=0, atol=1e-13)


# The corners of the faces in space as (row 0, column 0), (row 0, column n) and
# (row n, column 0): of a cube, and of a rhombic dodecahedron, whose faces touch as
# HEALPix's base pixels do. The middles of faces are where the modes say they are.
CUBE = np.array(
    [
        [(1, -1, 1), (1, 1, 1), (1, -1, -1)],
        [(1, 1, 1), (-1, 1, 1), (1, 1, -1)],
        [(-1, 1, 1), (-1, -1, 1), (-1, 1, -1)],
        [(-1, -1, 1), (1, -1, 1), (-1, -1, -1)],
        [(-1, -1, 1), (-1, 1, 1), (1, -1, 1)],
        [(1, -1, -1), (1, 1, -1), (-1, -1, -1)],
    ]
)
AXES = np.array([(1, 0), (0, 1), (-1, 0), (0, -1)])


def dodecahedron() -> np.ndarray:
    """(south, east, west) corners of the base pixels; row 0 begins in the south."""

    def corner(eighth: int, z: int) -> list[int]:
        x, y = AXES[eighth // 2 % 4] + (eighth % 2) * AXES[(eighth // 2 + 1) % 4]
        return [x, y, z]

    north = [(corner(k, 0), corner(k + 1, 1), corner(k - 1, 1)) for k in (1, 3, 5, 7)]
    equator = [
        (corner(k, -1), corner(k + 1, 0), corner(k - 1, 0)) for k in (0, 2, 4, 6)
    ]
    south = [([0, 0, -2], corner(k + 1, -1), corner(k - 1, -1)) for k in (1, 3, 5, 7)]
    return np.array([*north, *equator, *south])


SOLIDS = {"cube_sphere": CUBE, "healpix": dodecahedron()}
POINTS = {
    "cube_sphere": jaxpad.cube_sphere_points,
    "healpix": jaxpad.healpix_points,
}
every_solid = pytest.mark.parametrize("mode", SOLIDS)


def pad_points(mode: str, points: np.ndarray, width: int) -> np.ndarray:
    with jax.enable_x64(True):
        return np.asarray(jaxpad.pad(points, width, mode, axes=(1, 2)))


@every_solid
@pytest.mark.parametrize(("n", "width"), [(1, 1), (4, 4), (5, 3)])
def test_the_surface_of_a_solid_is_folded_over_its_edges(mode: str, n: int, width: int):
    inside = folded_faces(SOLIDS[mode], n, 0)
    expected = folded_faces(SOLIDS[mode], n, width)
    np.testing.assert_array_equal(pad_points(mode, inside, width), expected)


@every_solid
def test_cells_of_the_sphere_are_where_those_of_the_solid_are(mode: str):
    solid, points = folded_faces(SOLIDS[mode], 8, 0), POINTS[mode](8)
    if mode == "healpix":
        solid = solid / [1, 1, 2]
    solid = solid / np.linalg.norm(solid, axis=-1, keepdims=True)
    assert np.min((solid * points).sum(-1)) > np.cos(0.25)


@every_solid
@pytest.mark.parametrize("n", [4, 7])
def test_a_neighbour_has_its_neighbour(mode: str, n: int):
    """Over an edge and back one is where one was; and a step is never far."""
    points = POINTS[mode](n)
    number = np.arange(points[..., 0].size, dtype=float).reshape(*points.shape[:3], 1)
    padded = pad_points(mode, number, 1)[..., 0].astype(int)
    middle = padded[:, 1:-1, 1:-1].ravel()
    steps = [padded[:, 1:-1, 2:], padded[:, :-2, 1:-1]]
    steps += [padded[:, 1:-1, :-2], padded[:, 2:, 1:-1]]
    pairs = {
        (a, b) for step in steps for a, b in zip(middle, step.ravel(), strict=True)
    }
    assert pairs == {(b, a) for a, b in pairs}
    assert len(pairs) == 4 * number.size
    ends = points.reshape(-1, 3)[np.array(list(pairs))]
    angles = np.arccos((ends[:, 0] * ends[:, 1]).sum(-1))
    assert 0.5 < n * angles.min()
    assert n * angles.max() < 1.7


def continued_cube(n: int, width: int) -> np.ndarray:
    """Where the grid of each face of a cube goes on, on the sphere."""
    origin, right, below = (CUBE[:, k, None, None].astype(float) for k in range(3))
    u, v = (right - origin) / 2, (below - origin) / 2
    slope = np.tan(((np.arange(-width, n + width) + 0.5) / n - 0.5) * np.pi / 2)
    points = origin + (slope[:, None] + 1) * u + (slope[:, None, None] + 1) * v
    return points / np.linalg.norm(points, axis=-1, keepdims=True)


@pytest.mark.parametrize("n", [4, 7])
def test_the_nearest_cell_of_a_cube_is_found(n: int):
    points = jaxpad.cube_sphere_points(n)
    padded, there = pad_points("cube_sphere", points, 1), continued_cube(n, 1)
    np.testing.assert_allclose(there[:, 1:-1, 1:-1], points, atol=1e-15)
    nearest = points.reshape(-1, 3)[np.argmax(there @ points.reshape(-1, 3).T, -1)]
    found, expected = padded.copy(), nearest
    for row, column in itertools.product((0, -1), repeat=2):
        found[:, row, column] = expected[:, row, column] = 0  # means of two
    np.testing.assert_array_equal(found, expected)


def test_the_error_on_a_cube_shrinks_with_the_cells():
    errors = []
    for n in (8, 24):
        inside = smooth(jaxpad.cube_sphere_points(n))[..., None]
        padded = pad_points("cube_sphere", inside, 2)[..., 0]
        errors.append(np.abs(padded - smooth(continued_cube(n, 2))).max())
    assert errors[0] / errors[1] > 2.5


@pytest.mark.parametrize("n", [1, 2, 3, 8])
def test_points_are_those_of_the_rings(n: int):
    """The formulas for ring and position in it, equations 2 to 9 of Górski et al."""
    expected = []
    for i in range(1, 4 * n):
        cap = min(i, 4 * n - i)
        cells, z = 4 * min(cap, n), (4 / 3 - 2 * i / (3 * n))
        if cap < n:
            z = np.sign(2 * n - i) * (1 - cap**2 / (3 * n**2))
        half = 0.5 if cap < n or (i - n) % 2 == 0 else 0.0
        phi = 2 * np.pi * (np.arange(cells) + half) / cells
        flat = np.sqrt(1 - z**2)
        expected += [(flat * np.cos(p), flat * np.sin(p), z) for p in phi]
    found = jaxpad.healpix_points(n).reshape(-1, 3)
    assert found.shape == (12 * n**2, 3) == np.shape(expected)
    distance = np.linalg.norm(found[:, None] - np.array(expected), axis=-1)
    assert np.max(distance.min(0)) < 1e-14
    assert np.max(distance.min(1)) < 1e-14


@every_solid
def test_points_cover_the_sphere_evenly(mode: str):
    points = POINTS[mode](6).reshape(-1, 3)
    np.testing.assert_allclose(np.linalg.norm(points, axis=-1), 1, rtol=1e-14)
    np.testing.assert_allclose(points.mean(0), 0, atol=1e-15)
    np.testing.assert_allclose(
        points.T @ points / len(points), np.eye(3) / 3, atol=0.01
    )
