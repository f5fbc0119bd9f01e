// run_vectors FILE: runs the CPU reference, and the OpenVINO extension where it is built, on every vector of FILE and on
// arguments that do not fit, each array in memory of its own exact size. For use under sanitizers, which find any
// access outside; the numbers themselves are held against the formula elsewhere.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <vector>

#include "common/sparse_graph_conv_cpu.h"
#ifdef SDFL_OPENVINO
#include <openvino/core/except.hpp>
#include <openvino/op/parameter.hpp>

#include "openvino/sparse_graph_conv.h"
#endif

namespace {

void require(bool holds, const char* what) {
    if (holds) return;
    std::printf("FAIL  %s\n", what);
    std::exit(1);
}

using Bytes = std::vector<std::uint8_t>;

struct Call {
    bool is_half;
    sdfl::Sizes sizes;
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

Bytes read_bytes(std::istream& file, std::size_t count) {
    Bytes bytes(count);
    file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(count));
    require(file.good(), "the file is cut off");
    return bytes;
}

Call read_call(std::istream& file) {
    Call call{};
    call.is_half = read<std::int32_t>(file) != 0;
    call.sizes = read<sdfl::Sizes>(file);
    call.slope = read<float>(file);
    const std::size_t b = call.sizes.batch, m = call.sizes.sources, n = call.sizes.nodes, k = call.sizes.neighbours;
    const std::size_t c = call.sizes.channels, bytes = call.is_half ? 2 : 4;
    call.z = read_bytes(file, b * m * c * bytes);
    call.attention = read_bytes(file, b * n * k * bytes);
    call.neighbours = read_bytes(file, n * k * 4);
    call.bias = read_bytes(file, c * bytes);
    return call;
}

template <typename T, typename Entry>
Bytes run_reference(const Call& call, Entry entry) {
    const std::size_t count = static_cast<std::size_t>(call.sizes.batch) * call.sizes.nodes * call.sizes.channels;
    Bytes y(count * sizeof(T));
    const auto at = [](const Bytes& bytes) { return reinterpret_cast<const T*>(bytes.data()); };
    entry(at(call.z), at(call.attention), reinterpret_cast<const std::int32_t*>(call.neighbours.data()), at(call.bias),
          reinterpret_cast<T*>(y.data()), call.sizes, call.slope);
    return y;
}

Bytes run_reference(const Call& call) {
    return call.is_half ? run_reference<sdfl::Half>(call, sdfl::sparse_graph_conv_cpu_f16)
                        : run_reference<float>(call, sdfl::sparse_graph_conv_cpu_f32);
}

Call with_neighbour(Call call, std::int32_t index) {
    std::memcpy(call.neighbours.data() + call.neighbours.size() - sizeof index, &index, sizeof index);
    return call;
}

#ifdef SDFL_OPENVINO

ov::TensorVector tensors_of(const Call& call) {
    const std::size_t b = call.sizes.batch, m = call.sizes.sources, n = call.sizes.nodes, k = call.sizes.neighbours;
    const std::size_t c = call.sizes.channels;
    const auto type = call.is_half ? ov::element::f16 : ov::element::f32;
    const auto tensor = [](ov::element::Type element, ov::Shape shape, const Bytes& bytes) {
        ov::Tensor copy(element, shape);
        if (!bytes.empty()) std::memcpy(copy.data(), bytes.data(), bytes.size());
        return copy;
    };
    return {tensor(type, {b, m, c}, call.z), tensor(type, {b, n, k}, call.attention),
            tensor(ov::element::i32, {n, k}, call.neighbours), tensor(type, {c}, call.bias)};
}

std::shared_ptr<sdfl::SparseGraphConv> node_for(const ov::TensorVector& inputs, float slope) {
    ov::OutputVector parameters;
    for (const auto& tensor : inputs) {
        const auto any = ov::PartialShape::dynamic();
        parameters.push_back(std::make_shared<ov::op::v0::Parameter>(tensor.get_element_type(), any));
    }
    return std::make_shared<sdfl::SparseGraphConv>(parameters, slope);
}

Bytes run_extension(const ov::TensorVector& inputs, float slope) {
    ov::TensorVector outputs{ov::Tensor(inputs[0].get_element_type(), ov::Shape{0})};
    require(node_for(inputs, slope)->evaluate(outputs, inputs), "the extension evaluates");
    const auto* bytes = static_cast<const std::uint8_t*>(outputs[0].data());
    return outputs[0].get_byte_size() ? Bytes(bytes, bytes + outputs[0].get_byte_size()) : Bytes{};
}

void require_refused(const ov::TensorVector& inputs, const char* what) {
    try {
        run_extension(inputs, 0.0f);
    } catch (const ov::Exception&) {
        return;
    }
    require(false, what);
}

void check_extension(const Call& call, const Bytes& want) {
    require(run_extension(tensors_of(call), call.slope) == want, "the extension gives the bits of the CPU reference");
    if (call.sizes.batch == 0) return;
    for (const std::int32_t index : {-1, call.sizes.sources, std::numeric_limits<std::int32_t>::max()}) {
        require_refused(tensors_of(with_neighbour(call, index)), "an index out of range is refused");
    }
    for (std::size_t input = 0; input < 4; ++input) {
        auto inputs = tensors_of(call);
        auto shape = inputs[input].get_shape();
        shape.back() += 1;
        inputs[input] = ov::Tensor(inputs[input].get_element_type(), shape);
        if (input == 2) std::memset(inputs[input].data(), 0, inputs[input].get_byte_size());
        require_refused(inputs, "a shape that does not fit is refused");
    }
}

#else

void check_extension(const Call&, const Bytes&) {}

#endif

}  // namespace

int main(int count, char** arguments) {
    require(count == 2, "run_vectors FILE");
    std::ifstream file(arguments[1], std::ios::binary);
    const auto calls = read<std::int32_t>(file);
    for (std::int32_t i = 0; i < calls; ++i) {
        const Call call = read_call(file);
        check_extension(call, run_reference(call));
        for (const std::int32_t index : {-1, call.sizes.sources, std::numeric_limits<std::int32_t>::min()}) {
            const std::int32_t clamped = index < 0 ? 0 : call.sizes.sources - 1;
            require(run_reference(with_neighbour(call, index)) == run_reference(with_neighbour(call, clamped)), "clamps");
        }
    }
    std::printf("ok  %d vectors\n", calls);
    return 0;
}
