#pragma once

#include <cuda_runtime_api.h>

#include "common/float_types.h"
#include "common/sizes.h"

#define SDFL_EXPORT __attribute__((visibility("default")))

namespace sdfl {

extern "C" {

/// Starts the kernel on `stream` and returns at once; never waits, allocates or throws. All pointers are device memory:
/// z (B, M, C), attention (B, N, K), neighbours (N, K), bias (C,), y (B, N, C). Indices outside 0..M-1 are clamped.
/// f16 is IEEE binary16 with sums in float. Returns what the launch returned.
SDFL_EXPORT cudaError_t sparse_graph_conv_cuda_f32(const float* z, const float* attention,
                                                   const std::int32_t* neighbours, const float* bias, float* y,
                                                   Sizes sizes, float slope, cudaStream_t stream);
SDFL_EXPORT cudaError_t sparse_graph_conv_cuda_f16(const Half* z, const Half* attention, const std::int32_t* neighbours,
                                                   const Half* bias, Half* y, Sizes sizes, float slope,
                                                   cudaStream_t stream);
}

}  // namespace sdfl
