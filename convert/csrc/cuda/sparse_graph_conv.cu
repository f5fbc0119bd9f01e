#include "common/formula.h"
#include "cuda/sparse_graph_conv_cuda.h"

namespace sdfl {
namespace {

constexpr unsigned kThreads = 128;
constexpr int kLoadBytes = 16;  // the widest load of a thread

/// x: blocks of Width channels; y: rows b * N + n.
template <int Width, typename T>
__global__ void __launch_bounds__(kThreads) sparse_graph_conv(Operands<T> at, Sizes sizes, float slope) {
    const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * blockDim.y + threadIdx.y;
    const std::int64_t channel = (static_cast<std::int64_t>(blockIdx.y) * blockDim.x + threadIdx.x) * Width;
    if (row >= static_cast<std::int64_t>(sizes.batch) * sizes.nodes || channel >= sizes.channels) return;
    compute<Width>(at, sizes, slope, row, static_cast<std::int32_t>(channel), Width);
}

template <int Width, typename T>
cudaError_t launch(Operands<T> at, Sizes sizes, float slope, cudaStream_t stream) {
    const std::int64_t rows = static_cast<std::int64_t>(sizes.batch) * sizes.nodes;
    const unsigned blocks = static_cast<unsigned>(sizes.channels / Width);
    unsigned columns = 1;
    while (columns < blocks && columns < kThreads) columns *= 2;
    const dim3 block(columns, kThreads / columns);
    const std::int64_t row_groups = (rows + block.y - 1) / block.y;
    const unsigned column_groups = (blocks + block.x - 1) / block.x;
    if (row_groups > 0x7fffffff || column_groups > 0xffff) return cudaErrorInvalidConfiguration;

    void* arguments[] = {&at, &sizes, &slope};
    const dim3 grid(static_cast<unsigned>(row_groups), column_groups);
    const auto* kernel = reinterpret_cast<const void*>(sparse_graph_conv<Width, T>);
    return cudaLaunchKernel(kernel, grid, block, arguments, 0, stream);
}

bool is_aligned(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer) % kLoadBytes == 0; }

template <typename T>
cudaError_t run(Operands<T> at, Sizes sizes, float slope, cudaStream_t stream) {
    if (!has_work(sizes)) return cudaSuccess;
    constexpr int kWidth = kLoadBytes / static_cast<int>(sizeof(T));
    const bool wide = sizes.channels % kWidth == 0 && is_aligned(at.z) && is_aligned(at.bias) && is_aligned(at.y);
    return wide ? launch<kWidth>(at, sizes, slope, stream) : launch<1>(at, sizes, slope, stream);
}

}  // namespace

cudaError_t sparse_graph_conv_cuda_f32(const float* z, const float* attention, const std::int32_t* neighbours,
                                       const float* bias, float* y, Sizes sizes, float slope, cudaStream_t stream) {
    return run(Operands<float>{z, attention, neighbours, bias, y}, sizes, slope, stream);
}

cudaError_t sparse_graph_conv_cuda_f16(const Half* z, const Half* attention, const std::int32_t* neighbours,
                                       const Half* bias, Half* y, Sizes sizes, float slope, cudaStream_t stream) {
    return run(Operands<Half>{z, attention, neighbours, bias, y}, sizes, slope, stream);
}

}  // namespace sdfl
