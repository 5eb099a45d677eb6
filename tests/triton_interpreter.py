"""Triton's interpreter before 3.9, given what that of 3.9 has. To be imported where it interprets.

A fused multiply-add, as every card has it (theirs rounds twice); and bounds of loops that are read
from memory (theirs are arrays of one number, which NumPy 2.4 takes for no number any more).
"""

import ctypes

import numpy as np
from triton.runtime import interpreter


def fused(dtype, function, number):
    function.argtypes, function.restype = 3 * [number], number
    each = np.frompyfunc(function, 3, 1)
    return {np.dtype(dtype): lambda x, y, z: each(x, y, z).astype(dtype)}


if not hasattr(interpreter._interpreter, "fma_fp32"):
    LIBM = ctypes.CDLL("libm.so.6")
    FMA = fused(np.float32, LIBM.fmaf, ctypes.c_float) | fused(
        np.float64, LIBM.fma, ctypes.c_double
    )
    patch_tensor = interpreter._patch_lang_tensor

    def create_fma(self, x, y, z):
        return interpreter.TensorHandle(FMA[z.data.dtype](x.data, y.data, z.data), z.dtype.scalar)

    def patch_tensor_and_index(tensor, scope):
        patch_tensor(tensor, scope)
        scope.set_attr(tensor, "__index__", lambda self: int(self.handle.data.item()))

    interpreter.InterpreterBuilder.create_fma = create_fma
    interpreter._patch_lang_tensor = patch_tensor_and_index
