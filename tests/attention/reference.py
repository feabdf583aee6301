"""Attention and its gradients in float64, one query at a time."""

import numpy as np


def attend(qkv, ids=None, key_ids=None, *, causal=False, scale=None):
    """Softmax over the keys that a query sees; 0 where it sees none.

    Arrays are `[batch, length, heads, head_dim]`, ids `[batch, length]`.
    """
    q, k, v = (np.asarray(a).astype(np.float64) for a in qkv)
    out = np.zeros(q.shape)
    for at, keys in _seen(q, k, ids, key_ids, causal):
        out[at] = _weights(q, k, at, keys, scale) @ v[at[0], keys, _key_head(q, k, at)]
    return out


def gradients(qkv, g, ids=None, key_ids=None, *, causal=False, scale=None):
    """Of `sum(g * attend(...))`, to queries, keys and values."""
    q, k, v, g = (np.asarray(a).astype(np.float64) for a in (*qkv, g))
    dq, dk, dv = np.zeros(q.shape), np.zeros(k.shape), np.zeros(v.shape)
    for at, keys in _seen(q, k, ids, key_ids, causal):
        there = at[0], keys, _key_head(q, k, at)
        p = _weights(q, k, at, keys, scale)
        dp = v[there] @ g[at]
        ds = p * (dp - p @ dp) * _scale(q, scale)
        dq[at] = ds @ k[there]
        dk[there] += np.outer(ds, q[at])
        dv[there] += np.outer(p, g[at])
    return dq, dk, dv


def _seen(q, k, ids, key_ids, causal):
    """Each query with the keys that it sees, if any."""
    key_ids = ids if key_ids is None else key_ids
    for b, i, h in np.ndindex(q.shape[:3]):
        keys = np.arange(k.shape[1])
        if causal:
            keys = keys[keys <= i]
        if ids is not None:
            keys = keys[(key_ids[b][keys] == ids[b][i]) & (ids[b][i] > 0)]
        if len(keys):
            yield (b, i, h), keys


def _weights(q, k, at, keys, scale):
    scores = _scale(q, scale) * k[at[0], keys, _key_head(q, k, at)] @ q[at]
    weights = np.exp(scores - scores.max())
    return weights / weights.sum()


def _key_head(q, k, at):
    return at[2] // (q.shape[2] // k.shape[2])


def _scale(q, scale):
    return q.shape[-1] ** -0.5 if scale is None else scale
