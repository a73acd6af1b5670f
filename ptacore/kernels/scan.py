"""The complex diagonal recurrence in C: scan.c, built by the machine's C compiler and called through ctypes.

Recorded runs keep their histories only if it rounds as torch does. Torch's loops take whole vectors, where products
are rounded before they are added; the numbers that are left go through loops of its compiler, which fuses products
with sums, again in vectors. How many fit depends on the operation and the processor; known here are those of torch's
code for AVX2, which AVX-512 machines run as well, for contiguous rows of at least a vector, all of one thread.
"""

from __future__ import annotations

import ctypes
import functools
import math
from pathlib import Path

import torch
from torch import Tensor

from ptacore.kernels import build
from ptacore.kernels.bptt import Kernel

SOURCE = Path(__file__).with_name("scan.c")
SUFFIX = {torch.complex64: "float", torch.complex128: "double"}  # of the functions' names
TORCH_VECTORS = {torch.complex64: 8, torch.complex128: 4}  # numbers in a turn of torch's own loops
SHARED = 32768  # numbers from which on torch divides an operation among threads
CHUNK = 1 << 16  # numbers that are multiplied before they are summed up


@functools.cache
def _library() -> ctypes.CDLL | None:
    names = [f"{name}_{suffix}" for suffix in SUFFIX.values() for name in ("scan", "correlate", "gather")]
    library = build.load(SOURCE, names)
    if library is None:
        return None
    i64, pointer = ctypes.c_int64, ctypes.c_void_p
    for suffix in SUFFIX.values():
        getattr(library, f"scan_{suffix}").argtypes = [*[i64] * 5, ctypes.c_int32, *[pointer] * 4]
        getattr(library, f"correlate_{suffix}").argtypes = [*[i64] * 4, *[pointer] * 4]
        getattr(library, f"gather_{suffix}").argtypes = [i64, i64, pointer, pointer]
    return library


def available() -> bool:
    """Whether the kernels can be used here; builds them if they have not been built."""
    return torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512") and _library() is not None


def fits(start: Tensor, *sequences: Tensor) -> bool:
    """Whether the kernels take start (B, H) and sequences (T, B, H), and round as torch does.

    Examples
    --------
    >>> u = torch.zeros(5, 2, 9, dtype=torch.complex64)
    >>> fits(u[0], u), fits(u[0].real, u.real), fits(u[0, :, :3].contiguous(), u[..., :3].contiguous())
    (True, False, False)
    """
    parts = (start, *sequences)
    plain = all(x.is_contiguous() and not x.is_conj() and x.device.type == "cpu" for x in parts)
    alone = start.numel() < SHARED or torch.get_num_threads() == 1
    return plain and alone and start.shape[-1] >= TORCH_VECTORS.get(start.dtype, math.inf)


def scan(decay: Tensor, u: Tensor, start: Tensor) -> Tensor:
    """h(t) = decay h(t - 1) + u(t) for complex decay (H,), u (T, B, H) and h(-1) (B, H) that fit: -> (T, B, H)."""
    h = Kernel.empty(u, *u.shape)
    _advance(decay.contiguous(), u, start, h, backward=False)
    return h


def adjoint(decay: Tensor, h: Tensor, start: Tensor, received: Tensor) -> tuple[Tensor, Tensor]:
    """What `scan`, which gave h, hands back: the gradients of u and of decay, given that of h."""
    out, of_decay, n = Kernel.empty(h, *h.shape), torch.zeros_like(decay), start.numel()
    decay, after, size = decay.contiguous(), torch.zeros_like(start), max(1, CHUNK // n)
    fused = _fused(n, h.dtype, {torch.complex64: 2, torch.complex128: 1})
    products = h.new_empty(size, *start.shape)
    for end in range(len(h), 0, -size):
        c, before = slice(max(0, end - size), end), h[end - size - 1] if end > size else start
        _advance(decay, received[c], after, out[c], backward=True)
        part, after = products[: len(out[c])], out[c][0]
        _call("correlate", len(part), n, *fused, before, h[c], out[c], part)
        _call("gather", len(part), len(decay), part.sum(1), of_decay)
    return out, of_decay


def _advance(decay: Tensor, u: Tensor, start: Tensor, h: Tensor, backward: bool) -> None:
    """Fill h; backward, h(t) = conj(decay) h(t + 1) + u(t) and `start` is behind the last step."""
    fused = _fused(u.shape[-1], u.dtype, {torch.complex64: 4, torch.complex128: 1})
    _call("scan", *u.shape, *fused, backward, decay, u, start, h)


def _fused(n: int, dtype: torch.dtype, together: dict[torch.dtype, int]) -> tuple[int, int]:
    """First and last + 1 of n numbers for which torch's compiler fused, `together` in a vector of it."""
    whole, size = n // TORCH_VECTORS[dtype] * TORCH_VECTORS[dtype], together[dtype]
    return whole, whole + (n - whole) // size * size


def _call(name: str, *arguments: int | Tensor) -> None:
    function = getattr(_library(), f"{name}_{SUFFIX[arguments[-1].dtype]}")
    function(*(x.data_ptr() if isinstance(x, Tensor) else x for x in arguments))
