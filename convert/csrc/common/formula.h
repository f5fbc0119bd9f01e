#pragma once

// One definition of the operator's arithmetic, compiled for the CPU and, by nvcc, for the GPU. Both are compiled
// without fused multiply-add and add in the order k = 0..K-1, so that every processor gives the same bits.

#include "common/float_types.h"
#include "common/sizes.h"

namespace sdfl {

template <typename T>
struct Operands {
    const T* z;                      // (B, M, C)
    const T* attention;              // (B, N, K)
    const std::int32_t* neighbours;  // (N, K)
    const T* bias;                   // (C,)
    T* y;                            // (B, N, C)
};

#ifdef __CUDA_ARCH__

/// Width values in registers, moved by one load or store; their address is a multiple of their size.
template <int Width, typename T>
struct alignas(sizeof(T) * Width) Registers {
    T values[Width];
};

template <int Width, typename T>
struct Source {
    explicit __device__ Source(const T* from) : block(*reinterpret_cast<const Registers<Width, T>*>(from)) {}
    __device__ T operator[](int i) const { return block.values[i]; }
    Registers<Width, T> block;
};

template <int Width, typename T>
struct Target {
    explicit __device__ Target(T* to) : to(to) {}
    __device__ ~Target() { *reinterpret_cast<Registers<Width, T>*>(to) = block; }
    __device__ T& operator[](int i) { return block.values[i]; }
    T* to;
    Registers<Width, T> block;
};

#else

/// A CPU reads and writes in place; any address will do.
template <int Width, typename T>
using Source = const T*;
template <int Width, typename T>
using Target = T*;

#endif

SDFL_HOST_DEVICE SDFL_INLINE std::int32_t clamp_index(std::int32_t index, std::int32_t size) {
    return index < 0 ? 0 : (index < size ? index : size - 1);
}

/// Writes y[b, n, channel .. channel + width) for row = b * N + n, width <= Width (a GPU: all of Width).
/// Indices outside 0..M-1 are clamped.
template <int Width, typename T>
SDFL_HOST_DEVICE SDFL_INLINE void compute(Operands<T> at, Sizes sizes, float slope, std::int64_t row,
                                          std::int32_t channel, std::int32_t width) {
    const std::int64_t channels = sizes.channels;
    const std::int64_t batch = row / sizes.nodes;
    const std::int64_t node = row - batch * sizes.nodes;
    const T* z = at.z + batch * sizes.sources * channels + channel;
    const T* attention = at.attention + row * sizes.neighbours;
    const std::int32_t* neighbours = at.neighbours + node * sizes.neighbours;

    float sums[Width];
    for (int i = 0; i < width; ++i) sums[i] = 0.0f;
    for (std::int32_t k = 0; k < sizes.neighbours; ++k) {
        const float weight = to_float(attention[k]);
        const Source<Width, T> source(z + clamp_index(neighbours[k], sizes.sources) * channels);
        for (int i = 0; i < width; ++i) sums[i] += weight * to_float(source[i]);
    }

    const Source<Width, T> bias(at.bias + channel);
    Target<Width, T> y(at.y + row * channels + channel);
    for (int i = 0; i < width; ++i) {
        const float x = sums[i] + to_float(bias[i]);
        from_float(x >= 0.0f ? x : slope * x, y[i]);
    }
}

/// False where there is nothing to write, or no row of z to read from.
inline bool has_work(const Sizes& sizes) {
    return sizes.batch > 0 && sizes.sources > 0 && sizes.nodes > 0 && sizes.channels > 0;
}

}  // namespace sdfl
