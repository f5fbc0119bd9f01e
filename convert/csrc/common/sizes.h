#pragma once

#include <cstdint>

namespace sdfl {

/// The sizes of one call, M >= N. Plain data, so that it passes through the C entries by value.
struct Sizes {
    std::int32_t batch;       // B
    std::int32_t sources;     // M, rows of z
    std::int32_t nodes;       // N, rows of y
    std::int32_t neighbours;  // K
    std::int32_t channels;    // C
};

}  // namespace sdfl
