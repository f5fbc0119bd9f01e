#pragma once

#include <cstdint>
#include <cstring>

#ifdef __CUDACC__
#include <cuda_fp16.h>
#define SDFL_HOST_DEVICE __host__ __device__
#else
#define SDFL_HOST_DEVICE
#endif

#if defined(__GNUC__)
#define SDFL_INLINE inline __attribute__((always_inline))
#else
#define SDFL_INLINE inline
#endif

namespace sdfl {

/// IEEE binary16 and bfloat16 as they lie in memory.
struct Half {
    std::uint16_t bits;
};
struct BFloat16 {
    std::uint16_t bits;
};

SDFL_HOST_DEVICE SDFL_INLINE std::uint32_t bits_of(float value) {
    std::uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

SDFL_HOST_DEVICE SDFL_INLINE float float_of(std::uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

SDFL_HOST_DEVICE SDFL_INLINE float to_float(float value) { return value; }

SDFL_HOST_DEVICE SDFL_INLINE float to_float(Half value) {
#ifdef __CUDA_ARCH__
    return __half2float(__ushort_as_half(value.bits));
#else
    const std::uint32_t sign = (value.bits & 0x8000u) << 16;
    const std::uint32_t magnitude = value.bits & 0x7fffu;
    // Below 2^-14 a half counts steps of 2^-24; above, its exponent is rebiased from 15 to 127, infinity and NaN to
    // 255.
    const std::uint32_t subnormal = bits_of(static_cast<float>(magnitude) * 0x1p-24f);
    const std::uint32_t normal = (magnitude << 13) + (magnitude >= 0x7c00u ? 224u << 23 : 112u << 23);
    return float_of(sign | (magnitude < 0x0400u ? subnormal : normal));
#endif
}

SDFL_HOST_DEVICE SDFL_INLINE float to_float(BFloat16 value) {
    return float_of(static_cast<std::uint32_t>(value.bits) << 16);
}

SDFL_HOST_DEVICE SDFL_INLINE void from_float(float value, float& out) { out = value; }

/// Rounds to nearest, ties to even.
SDFL_HOST_DEVICE SDFL_INLINE void from_float(float value, Half& out) {
#ifdef __CUDA_ARCH__
    out.bits = __half_as_ushort(__float2half_rn(value));
#else
    const std::uint32_t sign = (bits_of(value) >> 16) & 0x8000u;
    const std::uint32_t magnitude = bits_of(value) & 0x7fffffffu;
    std::uint32_t half;
    if (magnitude > 0x7f800000u) {
        half = 0x7e00u;  // NaN
    } else if (magnitude >= 0x477ff000u) {
        half = 0x7c00u;  // 65520 and above round to infinity
    } else if (magnitude < 0x38800000u) {
        // Adding 0.5 leaves steps of 2^-24, the subnormal half's, in the low bits, rounded by the addition itself.
        half = bits_of(float_of(magnitude) + 0.5f) - bits_of(0.5f);
    } else {
        half = (magnitude - (112u << 23) + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
    }
    out.bits = static_cast<std::uint16_t>(sign | half);
#endif
}

/// Rounds to nearest, ties to even.
SDFL_HOST_DEVICE SDFL_INLINE void from_float(float value, BFloat16& out) {
    const std::uint32_t bits = bits_of(value);
    const bool is_nan = (bits & 0x7fffffffu) > 0x7f800000u;
    const std::uint32_t rounded = is_nan ? bits | 0x00400000u : bits + 0x7fffu + ((bits >> 16) & 1u);
    out.bits = static_cast<std::uint16_t>(rounded >> 16);
}

}  // namespace sdfl
