#pragma once

#include <cuda_runtime_api.h>

#include <cstdio>
#include <cstdlib>

namespace sdfl {

/// Ends the program with CUDA's own words unless `status` is success.
inline void check(cudaError_t status, const char* what) {
    if (status == cudaSuccess) return;
    std::printf("FAIL  %s: %s\n", what, cudaGetErrorString(status));
    std::exit(1);
}

/// Name of GPU 0; ends the program where there is none.
inline const char* require_gpu() {
    static cudaDeviceProp properties;
    check(cudaGetDeviceProperties(&properties, 0), "no GPU");
    return properties.name;
}

}  // namespace sdfl
