"""Eight numbers side by side in one vector register, as a type kernels compute with.

A kernel that handles eight series at once writes its arithmetic as for one: ``+ - * /``,
comparisons, ``where``, ``smaller``, ``larger``. LLVM makes of it whatever the processor has
(AVX-512, AVX2, NEON). There is no fast-math: each lane computes what a scalar would, to the bit.

    r = load(returns, t)          # row t of an array [T, LANES], laid out flat
    worth = worth * (1.0 + r)
    peak = larger(peak, worth)
    store(out, 0, peak)

Only compiled code can use these; there is no plain Python behind them.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, models, overload, register_model

LANES = 8

_ROW = ir.VectorType(ir.DoubleType(), LANES)
_MASK = ir.VectorType(ir.IntType(1), LANES)


class _RowType(types.Type):
    def __init__(self) -> None:
        super().__init__(name=f"Row({LANES})")


class _MaskType(types.Type):
    def __init__(self) -> None:
        super().__init__(name=f"Mask({LANES})")


@register_model(_RowType)
class _RowModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _ROW)


@register_model(_MaskType)
class _MaskModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _MASK)


ROW, MASK = _RowType(), _MaskType()


def _splat(builder: Any, number: Any) -> Any:
    one = builder.insert_element(
        ir.Constant(_ROW, ir.Undefined), number, ir.Constant(ir.IntType(32), 0)
    )
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(one, ir.Constant(_ROW, ir.Undefined), zeros)


def _row_pointer(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """Address of row ``args[1]`` of the flat float64 array ``args[0]``."""
    array = cgutils.create_struct_proxy(signature.args[0])(context, builder, args[0])
    row = context.cast(builder, args[1], signature.args[1], types.int64)
    place = builder.mul(row, ir.Constant(ir.IntType(64), LANES))
    return builder.bitcast(builder.gep(array.data, [place]), _ROW.as_pointer())


# -- rows ----------------------------------------------------------------------------------------


@intrinsic
def every(_context, number):
    """A row with the same number in each lane."""

    def code(context, builder, signature, args):
        return _splat(builder, context.cast(builder, args[0], signature.args[0], types.float64))

    return ROW(number), code


@intrinsic
def load(_context, array, row):
    """Row number ``row`` of a flat float64 array."""

    def code(context, builder, signature, args):
        value = builder.load(_row_pointer(context, builder, signature, args))
        value.align = 8
        return value

    return ROW(array, row), code


@intrinsic
def store(_context, array, row, value):
    """Write row number ``row`` of a flat float64 array."""

    def code(context, builder, signature, args):
        written = builder.store(args[2], _row_pointer(context, builder, signature, args))
        written.align = 8
        return context.get_dummy_value()

    return types.void(array, row, ROW), code


@intrinsic
def where(_context, mask, yes, no):
    """``yes`` in the lanes that ``mask`` holds in, ``no`` in the others."""

    def code(_, builder, _signature, args):
        return builder.select(args[0], args[1], args[2])

    return ROW(MASK, ROW, ROW), code


@intrinsic
def in_any(_context, mask):
    """Whether ``mask`` holds in any lane."""

    def code(_, builder, _signature, args):
        bits = builder.bitcast(args[0], ir.IntType(LANES))
        return builder.icmp_unsigned("!=", bits, ir.Constant(ir.IntType(LANES), 0))

    return types.boolean(MASK), code


@intrinsic
def both(_context, one, other):
    """The lanes in which both masks hold."""

    def code(_, builder, _signature, args):
        return builder.and_(args[0], args[1])

    return MASK(MASK, MASK), code


# -- operators -----------------------------------------------------------------------------------


def _arithmetic(instruction: str) -> Any:
    @intrinsic
    def apply(_context, a, b):
        def code(_, builder, _signature, args):
            return getattr(builder, instruction)(args[0], args[1])

        return ROW(ROW, ROW), code

    return apply


def _comparison(sign: str) -> Any:
    @intrinsic
    def apply(_context, a, b):
        def code(_, builder, _signature, args):
            return builder.fcmp_ordered(sign, args[0], args[1])

        return MASK(ROW, ROW), code

    return apply


def _is_number(kind: Any) -> bool:
    return isinstance(kind, types.Number)


def _register(sign: Callable[..., Any], apply: Any) -> None:
    """Make ``sign`` work between rows, and between a row and a number."""

    @overload(sign)
    def _(a, b):
        if a == ROW and b == ROW:
            return lambda a, b: apply(a, b)
        if a == ROW and _is_number(b):
            return lambda a, b: apply(a, every(b))
        if _is_number(a) and b == ROW:
            return lambda a, b: apply(every(a), b)
        return None


for _sign, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _register(_sign, _arithmetic(_instruction))

for _sign, _symbol in (
    (operator.lt, "<"),
    (operator.le, "<="),
    (operator.gt, ">"),
    (operator.ge, ">="),
    (operator.eq, "=="),
):
    _register(_sign, _comparison(_symbol))


def larger(a: Any, b: Any) -> Any:
    """The larger of two rows, lane by lane."""
    raise NotImplementedError


def smaller(a: Any, b: Any) -> Any:
    """The smaller of two rows, lane by lane."""
    raise NotImplementedError


@overload(larger)
def _larger(a, b):
    return lambda a, b: where(a > b, a, b)


@overload(smaller)
def _smaller(a, b):
    return lambda a, b: where(a < b, a, b)


@intrinsic
def store_codes(_context, array, row, value):
    """Write ``value``, whole numbers from 0 to 255, as row number ``row`` of a flat uint8 array."""

    def code(context, builder, signature, args):
        bytes_ = ir.VectorType(ir.IntType(8), LANES)
        words = builder.fptosi(args[2], ir.VectorType(ir.IntType(32), LANES))
        codes = builder.trunc(words, bytes_)
        target = cgutils.create_struct_proxy(signature.args[0])(context, builder, args[0])
        place = context.cast(builder, args[1], signature.args[1], types.int64)
        place = builder.mul(place, ir.Constant(ir.IntType(64), LANES))
        pointer = builder.bitcast(builder.gep(target.data, [place]), bytes_.as_pointer())
        builder.store(codes, pointer).align = 1
        return context.get_dummy_value()

    return types.void(array, row, ROW), code


# -- bytes ---------------------------------------------------------------------------------------

STRIDE = 64
"""Bytes that are compared at a time."""


_BYTES = ir.VectorType(ir.IntType(8), STRIDE)


def _load_bytes(context: Any, builder: Any, kind: Any, array: Any, place: Any) -> Any:
    """``STRIDE`` bytes of a uint8 array, from ``place``, a 64-bit number, on."""
    data = cgutils.create_struct_proxy(kind)(context, builder, array).data
    loaded = builder.load(builder.bitcast(builder.gep(data, [place]), _BYTES.as_pointer()))
    loaded.align = 1
    return loaded


def _bits(builder: Any, sign: str, a: Any, b: Any) -> Any:
    """A 64-bit number of the bytes that compare so."""
    return builder.bitcast(builder.icmp_unsigned(sign, a, b), ir.IntType(STRIDE))


@intrinsic
def changes(_context, array, place):
    """Where a uint8 array changes: bit k of a uint64 tells if [place + k + 1] is not [place + k].

    Reads ``STRIDE`` + 1 bytes.
    """

    def code(context, builder, signature, args):
        at = context.cast(builder, args[1], signature.args[1], types.int64)
        after = builder.add(at, ir.Constant(ir.IntType(64), 1))
        kind = signature.args[0]
        now = _load_bytes(context, builder, kind, args[0], at)
        then = _load_bytes(context, builder, kind, args[0], after)
        return _bits(builder, "!=", now, then)

    return types.uint64(array, place), code


@intrinsic
def equals(_context, array, place, other, other_place):
    """Where ``STRIDE`` bytes of two uint8 arrays are the same, as the bits of a uint64."""

    def code(context, builder, signature, args):
        loaded = [
            _load_bytes(
                context, builder, signature.args[i], args[i],
                context.cast(builder, args[i + 1], signature.args[i + 1], types.int64),
            )
            for i in (0, 2)
        ]  # fmt: skip
        return _bits(builder, "==", *loaded)

    return types.uint64(array, place, other, other_place), code


@intrinsic
def lowest(_context, bits):
    """Number of the lowest bit that is set in a uint64 that is not zero."""

    def code(_, builder, _signature, args):
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), code
