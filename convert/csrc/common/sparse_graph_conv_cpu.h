#pragma once

#include "common/formula.h"

#if defined(__GNUC__)
#define SDFL_EXPORT __attribute__((visibility("default")))
#else
#define SDFL_EXPORT
#endif

namespace sdfl {

/// Rows first..last-1 of y, row = b * N + n, on the calling thread. Safe on any thread; indices are clamped.
void sparse_graph_conv_rows(Operands<float> at, Sizes sizes, float slope, std::int64_t first, std::int64_t last);
void sparse_graph_conv_rows(Operands<Half> at, Sizes sizes, float slope, std::int64_t first, std::int64_t last);
void sparse_graph_conv_rows(Operands<BFloat16> at, Sizes sizes, float slope, std::int64_t first, std::int64_t last);

extern "C" {

/// The reference implementation of the GPU kernel: same arguments, same bits. f16 arrays are IEEE binary16 as it lies in memory.
SDFL_EXPORT void sparse_graph_conv_cpu_f32(const float* z, const float* attention, const std::int32_t* neighbours,
                                           const float* bias, float* y, Sizes sizes, float slope);
SDFL_EXPORT void sparse_graph_conv_cpu_f16(const Half* z, const Half* attention, const std::int32_t* neighbours,
                                           const Half* bias, Half* y, Sizes sizes, float slope);
}

}  // namespace sdfl
