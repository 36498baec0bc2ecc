#pragma once

#include <cuda_bf16.h>

#include <cstdint>

// The instructions of tensor cores with bfloat16 operands, and what brings operands to them.

namespace alphaprune::transformer::card {

/// Two bfloat16 in one register, the first in the lower half.
using Bf16Pair = std::uint32_t;

/// sums += a·b of a warp: a is 16 × 16, b 16 × 8. A thread of number 4g + t has of a rows g and
/// g + 8 (a[0], a[1]; columns 8 later a[2], a[3]) at columns 2t, 2t + 1; of b rows 2t, 2t + 1 (8
/// later b1) of column g; of the sums rows g and g + 8 at columns 2t, 2t + 1.
__device__ inline void multiply_add(float (&sums)[4], const Bf16Pair (&a)[4], Bf16Pair b0,
                                    Bf16Pair b1) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, "
        "{%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

__device__ inline std::uint32_t shared_address(const void* memory) {
    return static_cast<std::uint32_t>(__cvta_generic_to_shared(memory));
}

/// Four 8 × 8 matrices from shared memory; thread i gives the address of row i % 8 of matrix i / 8,
/// at a multiple of 16 bytes. A thread 4g + t gets of each the values (g, 2t) and (g, 2t + 1).
__device__ inline void load_matrices(Bf16Pair (&out)[4], const __nv_bfloat16* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
                 : "r"(shared_address(row))
                 : "memory");
}

/// The same of the matrices' transposes.
__device__ inline void load_transposed(Bf16Pair (&out)[4], const __nv_bfloat16* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
                 : "r"(shared_address(row))
                 : "memory");
}

/// Begins to copy 16 bytes into shared memory.
__device__ inline void begin_copy(__nv_bfloat16* to, const __nv_bfloat16* from) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(shared_address(to)), "l"(from)
                 : "memory");
}

/// Waits for this thread's copies; others' are there after a barrier.
__device__ inline void finish_copies() {
    asm volatile("cp.async.wait_all;" ::: "memory");
}

/// Two values rounded to bfloat16; what the rounding left of them stays.
__device__ inline Bf16Pair take_rounded(float& first, float& second) {
    const __nv_bfloat162 rounded = __floats2bfloat162_rn(first, second);
    first -= __low2float(rounded);
    second -= __high2float(rounded);
    return *reinterpret_cast<const Bf16Pair*>(&rounded);
}

/// 2^x to about 2^-22, relative.
__device__ inline float power_of_two(float x) {
    float result = 0;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
    return result;
}

}  // namespace alphaprune::transformer::card
