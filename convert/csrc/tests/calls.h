#pragma once

// The file of test vectors that tests/helpers/operator_vectors.py writes (`write_binary`), for programs.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <vector>

#include "common/sparse_graph_conv_cpu.h"

namespace sdfl {

inline void require(bool holds, const char* what) {
    if (holds) return;
    std::printf("FAIL  %s\n", what);
    std::exit(1);
}

using Bytes = std::vector<std::uint8_t>;

/// Inputs of one call; floats are halves or floats as they lie in memory.
struct Call {
    bool is_half;
    Sizes sizes;
    float slope;
    Bytes z, attention, neighbours, bias;
};

template <typename T>
T read(std::istream& file) {
    T value;
    file.read(reinterpret_cast<char*>(&value), sizeof value);
    require(file.good(), "the file is cut off");
    return value;
}

inline Bytes read_bytes(std::istream& file, std::size_t count) {
    Bytes bytes(count);
    file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(count));
    require(file.good(), "the file is cut off");
    return bytes;
}

inline Call read_call(std::istream& file) {
    Call call{};
    call.is_half = read<std::int32_t>(file) != 0;
    call.sizes = read<Sizes>(file);
    call.slope = read<float>(file);
    const std::size_t b = call.sizes.batch, m = call.sizes.sources, n = call.sizes.nodes, k = call.sizes.neighbours;
    const std::size_t c = call.sizes.channels, bytes = call.is_half ? 2 : 4;
    call.z = read_bytes(file, b * m * c * bytes);
    call.attention = read_bytes(file, b * n * k * bytes);
    call.neighbours = read_bytes(file, n * k * 4);
    call.bias = read_bytes(file, c * bytes);
    return call;
}

inline std::vector<Call> read_calls(const char* path) {
    std::ifstream file(path, std::ios::binary);
    std::vector<Call> calls(read<std::int32_t>(file));
    for (Call& call : calls) call = read_call(file);
    return calls;
}

/// Bytes of y.
inline std::size_t result_bytes(const Call& call) {
    const std::size_t count = static_cast<std::size_t>(call.sizes.batch) * call.sizes.nodes * call.sizes.channels;
    return count * (call.is_half ? 2 : 4);
}

template <typename T, typename Entry>
Bytes run_reference(const Call& call, Entry entry) {
    Bytes y(result_bytes(call));
    const auto at = [](const Bytes& bytes) { return reinterpret_cast<const T*>(bytes.data()); };
    entry(at(call.z), at(call.attention), reinterpret_cast<const std::int32_t*>(call.neighbours.data()), at(call.bias),
          reinterpret_cast<T*>(y.data()), call.sizes, call.slope);
    return y;
}

inline Bytes run_reference(const Call& call) {
    return call.is_half ? run_reference<Half>(call, sparse_graph_conv_cpu_f16)
                        : run_reference<float>(call, sparse_graph_conv_cpu_f32);
}

/// The call with another last neighbour.
inline Call with_neighbour(Call call, std::int32_t index) {
    std::memcpy(call.neighbours.data() + call.neighbours.size() - sizeof index, &index, sizeof index);
    return call;
}

}  // namespace sdfl
