#include "common/sparse_graph_conv_cpu.h"

#include <cstdlib>  // defines __GLIBC__

// One binary serves every x86-64 processor: the loader takes the widest of these versions that the processor has.
// Sanitizers do not work with such dispatch, nor does a C library other than glibc.
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(SDFL_SANITIZE)
#define SDFL_VECTOR_VERSIONS __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define SDFL_VECTOR_VERSIONS
#endif

namespace sdfl {
namespace {

constexpr std::int32_t kWidth = 64;  // channels at a time: their sums stay in vector registers

template <typename T>
SDFL_INLINE void rows(Operands<T> at, Sizes sizes, float slope, std::int64_t first, std::int64_t last) {
    if (!has_work(sizes)) return;
    for (std::int64_t row = first; row < last; ++row) {
        std::int32_t channel = 0;
        for (; channel + kWidth <= sizes.channels; channel += kWidth) {
            compute<kWidth>(at, sizes, slope, row, channel, kWidth);
        }
        if (channel < sizes.channels) compute<kWidth>(at, sizes, slope, row, channel, sizes.channels - channel);
    }
}

}  // namespace

SDFL_VECTOR_VERSIONS
void sparse_graph_conv_rows(Operands<float> at, Sizes sizes, float slope, std::int64_t first, std::int64_t last) {
    rows(at, sizes, slope, first, last);
}

SDFL_VECTOR_VERSIONS
void sparse_graph_conv_rows(Operands<Half> at, Sizes sizes, float slope, std::int64_t first, std::int64_t last) {
    rows(at, sizes, slope, first, last);
}

SDFL_VECTOR_VERSIONS
void sparse_graph_conv_rows(Operands<BFloat16> at, Sizes sizes, float slope, std::int64_t first, std::int64_t last) {
    rows(at, sizes, slope, first, last);
}

void sparse_graph_conv_cpu_f32(const float* z, const float* attention, const std::int32_t* neighbours,
                               const float* bias, float* y, Sizes sizes, float slope) {
    const std::int64_t all = static_cast<std::int64_t>(sizes.batch) * sizes.nodes;
    sparse_graph_conv_rows(Operands<float>{z, attention, neighbours, bias, y}, sizes, slope, 0, all);
}

void sparse_graph_conv_cpu_f16(const Half* z, const Half* attention, const std::int32_t* neighbours, const Half* bias,
                               Half* y, Sizes sizes, float slope) {
    const std::int64_t all = static_cast<std::int64_t>(sizes.batch) * sizes.nodes;
    sparse_graph_conv_rows(Operands<Half>{z, attention, neighbours, bias, y}, sizes, slope, 0, all);
}

}  // namespace sdfl
