"""A torch function of a state, recorded on a tape: what it does to one state, number by number.

While the function runs on a real state, every operation of torch is seen, those in place and on fresh tensors too.
Beside each tensor's storage lies one of the same size that says where on the tape its numbers are. So a view needs no
rule, and what only moves numbers is done to the places in the same way. A function that looks at a number of its state
(a branch, `.item()`, `.numpy()`) cannot be recorded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from ptacore.kernels.tape import COMPARISONS, CURVES, HALF, MINUS, ONE, STEPS, ZERO, Tape, Unrecordable

# Operations that move numbers, and which arguments hold them: done to places in the same way.
MOVES = {
    **dict.fromkeys(
        ("clone", "contiguous", "lift_fresh_copy", "roll", "flip", "repeat", "index_select", "gather"), (0,)
    ),
    **dict.fromkeys(("index", "tril", "triu", "diag_embed", "cat", "stack", "take", "rot90"), (0,)),
    **dict.fromkeys(("slice_scatter", "select_scatter", "diagonal_scatter"), (0, 1)),
    **dict.fromkeys(("_unsafe_view", "_reshape_copy", "expand_copy", "view_copy", "permute_copy", "unfold_copy"), (0,)),
    "index_put": (0, 2),
    "_index_put_impl": (0, 2),
    "index_copy": (0, 3),
    "scatter": (0, 3),
}
LOOKS = ("numpy", "__array__", "tolist", "data_ptr", "__dlpack__", "__cuda_array_interface__", "storage")


def _mm(tape: Tape, A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """(p, q), (q, r) -> (p, r), of places, or of constants as they are (of floats)."""
    if A.dtype == np.float64:
        columns = [tape.product(A, column) for column in B.T]
        return np.stack(columns, 1) if columns else np.empty((len(A), 0), int)
    if B.dtype == np.float64:
        return _mm(tape, np.ascontiguousarray(B.T), A.T).T
    return tape.sum(tape.apply("mul", A[:, None, :], B.T[None]))


def _bmm(tape: Tape, A: np.ndarray, B: np.ndarray) -> np.ndarray:
    return np.stack([_mm(tape, a, b) for a, b in zip(A, B, strict=True)])


def _mv(tape: Tape, A: np.ndarray, b: np.ndarray) -> np.ndarray:
    return _mm(tape, A, b[:, None])[:, 0]


def _plus(product: Callable) -> Callable:
    """beta b + alpha A B"""

    def rule(tape, b, A, B, beta=ONE, alpha=ONE):
        b = tape.constants(b) if b.dtype == np.float64 else b
        return tape.apply("add", tape.apply("mul", beta, b), tape.apply("mul", alpha, product(tape, A, B)))

    return rule


def _over(tape: Tape, a: np.ndarray, axes, keepdim: bool, name: str = "add") -> np.ndarray:
    """Reduce over axes (all, where none are given)."""
    axes = range(a.ndim) if axes is None or axes == [] else [axes] if isinstance(axes, int) else axes
    axes = sorted(i % max(a.ndim, 1) for i in axes)
    if a.ndim == 0:
        return a
    kept = [i for i in range(a.ndim) if i not in axes]
    shape = [1 if i in axes else size for i, size in enumerate(a.shape)]
    total = tape.sum(a.transpose(*kept, *axes).reshape(*(a.shape[i] for i in kept), -1), name)
    return total.reshape(shape) if keepdim else total


def _power(tape: Tape, a: np.ndarray, exponent: np.ndarray) -> np.ndarray:
    """a^b; small powers as products, which the C compiler would not make of a constant that it does not know."""
    simple = {2.0: "square", 3.0: "cube", 0.5: "sqrt", -1.0: "reciprocal", -0.5: "rsqrt"}
    p = tape.value[exponent] if exponent.ndim == 0 and tape.constant[exponent] else [math.nan]
    p = float(p[0]) if np.ptp(p) == 0 else math.nan
    if p in simple:
        return tape.apply(simple[p], a)
    if p == 4:
        return tape.apply("square", tape.apply("square", a))
    if p in (0, 1):
        return a if p else np.full(a.shape, ONE)
    return tape.apply("pow", a, exponent)


def _clamp(tape: Tape, a, low=None, high=None) -> np.ndarray:
    """The slope at a bound is 1, as torch has it: so bounds are chosen, and not taken as maxima."""
    if low is not None:
        a = tape.apply("select", tape.apply("lt", a, low), low, a)
    return a if high is None else tape.apply("select", tape.apply("gt", a, high), high, a)


def _hardtanh(tape: Tape, a, min_val=MINUS, max_val=ONE) -> np.ndarray:
    """The slope at a bound is 0, as torch has it here."""
    a = tape.apply("select", tape.apply("le", a, min_val), min_val, a)
    return tape.apply("select", tape.apply("ge", a, max_val), max_val, a)


def _mask(tape: Tape, condition) -> np.ndarray:
    return tape.apply("ne", condition, ZERO)


def _both(tape: Tape, a, b) -> np.ndarray:
    return tape.apply("mul", _mask(tape, a), _mask(tape, b))


def _either(tape: Tape, a, b) -> np.ndarray:
    return tape.apply("maximum", _mask(tape, a), _mask(tape, b))


def _not(tape: Tape, a) -> np.ndarray:
    return tape.apply("eq", a, ZERO)


def _tanh_backward(tape: Tape, g, y) -> np.ndarray:
    return tape.apply("mul", g, tape.apply("sub", ONE, tape.apply("square", y)))


def _sigmoid_backward(tape: Tape, g, y) -> np.ndarray:
    return tape.apply("mul", g, tape.apply("mul", y, tape.apply("sub", ONE, y)))


def _softplus(tape: Tape, a, beta=ONE, threshold=None) -> np.ndarray:
    """torch goes over to the straight line at a threshold, which is seen: 2e-9 at 20."""
    threshold = tape.constants(np.array(20.0)) if threshold is None else threshold
    steep = tape.apply("mul", beta, a)
    soft = tape.apply("div", tape.apply("softplus", steep), beta)
    return tape.apply("select", tape.apply("gt", steep, threshold), a, soft)


def _leaky_relu(tape: Tape, a, negative_slope=None) -> np.ndarray:
    slope = tape.constants(np.array(0.01)) if negative_slope is None else negative_slope
    return tape.apply("select", tape.apply("gt", a, ZERO), a, tape.apply("mul", slope, a))


def _elu(tape: Tape, a, alpha=ONE, scale=ONE, input_scale=ONE) -> np.ndarray:
    above = tape.apply("gt", a, ZERO)
    below = tape.apply("select", above, ZERO, a)  # of large a the slope would be infinite, and that times 0 not 0
    curve = tape.apply("mul", alpha, tape.apply("expm1", tape.apply("mul", input_scale, below)))
    return tape.apply("mul", scale, tape.apply("select", above, a, curve))


def _gelu(tape: Tape, a) -> np.ndarray:
    root = tape.constants(np.array(math.sqrt(0.5)))
    share = tape.apply("add", ONE, tape.apply("erf", tape.apply("mul", root, a)))
    return tape.apply("mul", tape.apply("mul", HALF, a), share)


def _cross(tape: Tape, a, b, dim: int = -1) -> np.ndarray:
    a, b = (np.moveaxis(c, dim, -1) for c in np.broadcast_arrays(a, b))
    first, second = (
        tape.apply("mul", a[..., i], b[..., j]) for i, j in (([1, 2, 0], [2, 0, 1]), ([2, 0, 1], [1, 2, 0]))
    )
    return np.moveaxis(tape.apply("sub", first, second), -1, dim)


def _cumsum(tape: Tape, a, dim: int) -> np.ndarray:
    sums = np.moveaxis(a.copy(), dim, 0)
    for i in range(1, len(sums)):
        sums[i] = tape.apply("add", sums[i - 1], sums[i])
    return np.moveaxis(sums, 0, dim)


def _exponentials(tape: Tape, a, dim) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """exp(a - largest) along axes, their sum, and the largest."""
    largest = _over(tape, a, dim, True, "maximum")
    terms = tape.apply("exp", tape.apply("sub", a, largest))
    return terms, _over(tape, terms, dim, True), largest


def _softmax(tape: Tape, a, dim: int, half_to_float: bool) -> np.ndarray:
    terms, total, _ = _exponentials(tape, a, dim)
    return tape.apply("div", terms, total)


def _logsumexp(tape: Tape, a, dim, keepdim: bool = False) -> np.ndarray:
    _, total, largest = _exponentials(tape, a, dim)
    whole = tape.apply("add", tape.apply("log", total), largest)
    return whole if keepdim else whole.squeeze(tuple(dim))


def _norm(tape: Tape, a, ord=2, dim=None, keepdim: bool = False, dtype=None) -> np.ndarray:
    if ord != 2:
        raise Unrecordable(f"a vector norm of order {ord}")
    return tape.apply("sqrt", _over(tape, tape.apply("square", a), dim, keepdim))


def _elementwise(name: str, operands: int = 1) -> Callable:
    def rule(tape: Tape, *places):
        if len(places) != operands:
            raise Unrecordable(f"{name} with {len(places)} operands")
        return tape.apply(name, *places)

    return rule


# Operations of torch on places, by their names in ATen. Numbers come as places of constants.
RULES: dict[str, Callable] = {
    **{name: _elementwise(name) for name in (*CURVES, *STEPS)},
    **{name: _elementwise(name, 2) for name in (*COMPARISONS, "mul", "div", "maximum", "minimum", "atan2")},
    "add": lambda t, a, b, alpha=ONE: t.apply("add", a, t.apply("mul", alpha, b)),
    "sub": lambda t, a, b, alpha=ONE: t.apply("sub", a, t.apply("mul", alpha, b)),
    "rsub": lambda t, a, b, alpha=ONE: t.apply("sub", b, t.apply("mul", alpha, a)),
    "softplus": _softplus,
    "elu": _elu,
    "gelu": _gelu,
    "neg": lambda t, a: t.apply("mul", MINUS, a),
    "sgn": _elementwise("sign"),
    "clamp_min": _clamp,
    "clamp_max": lambda t, a, high: _clamp(t, a, None, high),
    "clamp": lambda t, a, min=None, max=None: _clamp(t, a, min, max),
    "hardtanh": _hardtanh,
    "pow": _power,
    "where": lambda t, c, a, b: t.apply("select", c, a, b),
    "masked_fill": lambda t, a, c, b: t.apply("select", c, b, a),
    "leaky_relu": _leaky_relu,
    "silu": lambda t, a: t.apply("mul", a, t.apply("sigmoid", a)),
    "logical_and": _both,
    "bitwise_and": _both,
    "logical_or": _either,
    "bitwise_or": _either,
    "logical_not": _not,
    "bitwise_not": _not,
    "addcmul": lambda t, a, b, c, value=ONE: t.apply("add", a, t.apply("mul", value, t.apply("mul", b, c))),
    "addcdiv": lambda t, a, b, c, value=ONE: t.apply("add", a, t.apply("mul", value, t.apply("div", b, c))),
    "lerp": lambda t, a, b, w: t.apply("add", a, t.apply("mul", w, t.apply("sub", b, a))),
    "hypot": lambda t, a, b: t.apply("sqrt", t.apply("add", t.apply("square", a), t.apply("square", b))),
    "dot": lambda t, a, b: t.sum(t.apply("mul", a, b)),
    "vdot": lambda t, a, b: t.sum(t.apply("mul", a, b)),
    "tanh_backward": _tanh_backward,
    "sigmoid_backward": _sigmoid_backward,
}
PRODUCTS = {  # which take constants as they are
    "mm": _mm,
    "bmm": _bmm,
    "mv": _mv,
    "addmm": _plus(_mm),
    "addmv": _plus(_mv),
    "baddbmm": _plus(_bmm),
}
WITH_AXES = {  # whose arguments after the first (two) are axes and options
    "linalg_cross": _cross,
    "cumsum": _cumsum,
    "_softmax": _softmax,
    "logsumexp": _logsumexp,
    "linalg_vector_norm": _norm,
}
REDUCTIONS = {"sum": "add", "mean": "add", "amax": "maximum", "amin": "minimum", "prod": "mul"}
FRESH = ("zeros_like", "ones_like", "full_like", "empty_like", "new_zeros", "new_ones", "new_full", "new_empty")
TRUTHS = (*COMPARISONS, *MOVES, *(a + b for a in ("logical_", "bitwise_") for b in ("and", "or", "not")))
SHAPES = (*FRESH, "is_same_size", "_has_same_storage_numel")  # which look at no number


class _Recorder:
    """What torch asks before each operation (a dispatch mode), and before each call of its Python functions.

    A subclass of torch's TorchDispatchMode would do the same, and import its compiler on first use: a second or more.
    """

    def __init__(self, tape: Tape):
        self.tape = tape
        self._places: dict[int, tuple[Tensor, Tensor]] = {}  # of a storage: a tensor that keeps it, places

    def __torch_function__(self, function, types, args=(), kwargs=None):
        name = getattr(function, "__name__", "")
        if name in LOOKS and args and isinstance(args[0], Tensor) and self._has(args[0]):
            raise Unrecordable(f"{name}() of a value that depends on the state")
        return function(*args, **(kwargs or {}))

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if torch.Tag.nondeterministic_seeded in function.tags:
            raise Unrecordable(f"random numbers ({function})")
        name = function.overloadpacket.__name__
        if name in SHAPES or not any(self._has(t) for t in _tensors((args, kwargs))):
            return function(*args, **kwargs)
        changes = function._schema.is_mutable and torch.Tag.inplace_view not in function.tags
        if changes and name.endswith("_"):
            name = name[:-1]
        places = self._result_places(name, function, args, kwargs)
        if changes:
            self._adopt(args[0])  # before it changes: what is not written over stays
        result = function(*args, **kwargs)
        if places is not None:
            if isinstance(result, Tensor) and result.dtype == torch.bool and name not in TRUTHS:
                places = _mask(self.tape, places)  # a sum of truths is a truth
            self._put(args[0] if changes else result, places, function)
        elif changes or not self._is_view(result):
            raise Unrecordable(f"no rule for {function}")
        return result

    def _is_view(self, result) -> bool:
        """Whether a result, one tensor or several, lies in storages whose places are known."""
        tensors = list(_tensors(result))
        return bool(tensors) and all(map(self._has, tensors))

    def _result_places(self, name: str, function, args, kwargs) -> np.ndarray | None:
        """Where the results of an operation are on the tape; None where there is no rule."""
        if name == "_local_scalar_dense":
            raise Unrecordable("a branch on, or a Python number from, a value that depends on the state")
        if kwargs.get("out") is not None:
            raise Unrecordable(f"{function} into a given tensor")
        if name in ("copy", "fill"):
            return self._of(args[1])
        if name == "zero":
            return np.array(ZERO)
        if name == "_to_copy":
            return self._of(args[0])
        if name in MOVES:
            return self._moved(name, function, args, kwargs)
        if name in REDUCTIONS:
            return self._reduced(name, args, kwargs)
        if name in WITH_AXES:
            given = [self._of(a) if isinstance(a, Tensor) else a for a in args]
            return WITH_AXES[name](self.tape, *given, **kwargs)
        if name in PRODUCTS:
            named = {key: self._of(value) for key, value in kwargs.items()}
            return PRODUCTS[name](self.tape, *map(self._of_product, args), **named)
        if name in RULES:
            if any(isinstance(a, str) for a in (*args, *kwargs.values())):
                raise Unrecordable(f"{function} with {kwargs}")
            named = {key: self._of(value) for key, value in kwargs.items() if key != "dtype" and value is not None}
            return RULES[name](self.tape, *(None if a is None else self._of(a) for a in args), **named)
        return None

    def _moved(self, name: str, function, args, kwargs):
        where = MOVES[name]
        if name == "scatter" and not isinstance(args[3], Tensor):
            raise Unrecordable(f"no rule for {function}")
        if any(self._has(t) for i, a in enumerate(args) if i not in where for t in _tensors(a)):
            return self._masked(name, function, args)
        if name in ("index_put", "_index_put_impl") and len(args) > 3 and args[3]:
            raise Unrecordable(f"no rule for {function} with accumulate")
        given = []
        for i, a in enumerate(args):
            if i in where and isinstance(a, list | tuple):
                a = [torch.from_numpy(self._of(t)) for t in a]
            elif i in where:
                a = torch.from_numpy(np.ascontiguousarray(self._of(a)))
            given.append(a)
        if function._schema.is_mutable:
            function(*given, **kwargs)
            return given[0].numpy()
        return function(*given, **kwargs).contiguous().numpy()

    def _masked(self, name: str, function, args):
        """x[mask] = number, where the mask depends on the state."""
        if name in ("index_put", "_index_put_impl") and len(args[1]) == 1 and args[2].numel() == 1:
            mask, a = self._of(args[1][0]), self._of(args[0])
            if args[1][0].dtype == torch.bool and mask.shape == a.shape and not (len(args) > 3 and args[3]):
                return self.tape.apply("select", mask, self._of(args[2]).reshape(()), a)
        raise Unrecordable(f"{function} with indices that depend on the state")

    def _reduced(self, name: str, args, kwargs):
        a, axes, keepdim, *_ = *args, *[None] * 3
        axes, keepdim = kwargs.get("dim", axes), bool(kwargs.get("keepdim", keepdim))
        places = self._of(a)
        total = _over(self.tape, places, axes, keepdim, REDUCTIONS[name])
        if name != "mean":
            return total
        count = self.tape.constants(np.array(float(places.size / max(1, np.size(total)))))
        return self.tape.apply("div", total, count)

    def _has(self, tensor: Tensor) -> bool:
        return tensor.untyped_storage()._cdata in self._places

    def _of(self, value) -> np.ndarray:
        """Places of a tensor's numbers, or of a number."""
        if not isinstance(value, Tensor):
            return self.tape.constants(np.array(float(value)))
        if value.is_complex() or value.layout != torch.strided or value.device.type != "cpu":
            raise Unrecordable(f"a tensor of {value.dtype}, {value.layout} on {value.device}")
        if not self._has(value):
            return self.tape.constants(value.detach().to(torch.float64).numpy())
        _, places = self._places[value.untyped_storage()._cdata]
        return places.as_strided(value.shape, value.stride(), value.storage_offset()).numpy()

    def _of_product(self, value) -> np.ndarray:
        """The same, but constants as they are: a large matrix is not a matter of single numbers."""
        if isinstance(value, Tensor) and not self._has(value) and value.dtype == torch.float64:
            return value.detach().numpy().copy()  # f may go on to change it
        return self._of(value)

    def _put(self, tensor: Tensor, places: np.ndarray, function) -> None:
        """Say where on the tape a tensor's numbers are."""
        if not isinstance(tensor, Tensor) or tensor.dtype not in (torch.float64, torch.bool):
            kind = tensor.dtype if isinstance(tensor, Tensor) else type(tensor).__name__
            raise Unrecordable(f"{function} with a result of {kind}")
        if places.size == tensor.numel() == len(self._whole(tensor)):
            self._places.setdefault(tensor.untyped_storage()._cdata, (tensor, torch.full((places.size,), ZERO)))
        self._adopt(tensor)
        _, known = self._places[tensor.untyped_storage()._cdata]
        view = known.as_strided(tensor.shape, tensor.stride(), tensor.storage_offset())
        view.copy_(torch.from_numpy(np.broadcast_to(places, tensor.shape).copy()))

    def _adopt(self, tensor: Tensor) -> None:
        """Follow a storage from now on; its numbers have been constants so far."""
        if not self._has(tensor):
            places = torch.from_numpy(self._of(self._whole(tensor)))
            self._places[tensor.untyped_storage()._cdata] = tensor, places

    @staticmethod
    def _whole(tensor: Tensor) -> Tensor:
        """All numbers of a tensor's storage."""
        return torch.empty(0, dtype=tensor.dtype).set_(tensor.untyped_storage())

    def record(self, f: Callable[[Tensor], Tensor], x: Tensor, own: Sequence[tuple[Tensor, Tensor]]) -> np.ndarray:
        """Places of what f returns for x."""
        self._places[x.untyped_storage()._cdata] = x, torch.from_numpy(self.tape.x.copy())
        for seen, values in own:
            places = self.tape.parameters(values.detach().reshape(len(values), -1).T.numpy())
            self._places[seen.untyped_storage()._cdata] = seen, torch.from_numpy(places)
        torch._C._push_on_torch_dispatch_stack(self)
        torch._C._push_on_torch_function_stack(self)
        try:
            y = f(x)
        finally:
            torch._C._pop_torch_function_stack()
            torch._C._pop_torch_dispatch_stack(None)
        if not isinstance(y, Tensor) or y.shape != x.shape or y.dtype != x.dtype:
            raise Unrecordable("a result of another shape or type than the state")
        return self._of(y)


def _tensors(arguments):
    """All tensors in nested lists, tuples and dictionaries."""
    if isinstance(arguments, Tensor):
        yield arguments
    elif isinstance(arguments, list | tuple):
        for a in arguments:
            yield from _tensors(a)
    elif isinstance(arguments, dict):
        yield from _tensors(list(arguments.values()))


def record(
    f: Callable[[Tensor], Tensor], x: Tensor, own: Sequence[tuple[Tensor, Tensor]] = ()
) -> tuple[Tape, np.ndarray]:
    """What f does to a state x (n,), and where its n results are on the tape.

    Parameters that the members of a batch have of their own come as pairs: the tensor (...) that f sees, contiguous in
    memory of its own, and those of all members (members, ...).

    Raises
    ------
    Unrecordable
        If f cannot be recorded, with what it does in the message.
    """
    tape = Tape(len(x), len(own[0][1]) if own else 1)
    with torch.no_grad():
        return tape, _Recorder(tape).record(f, x.clone(), own)
