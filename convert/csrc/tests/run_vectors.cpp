// run_vectors FILE: runs the CPU reference, and the OpenVINO extension where it is built, on every vector of FILE and on
// arguments that do not fit, each array in memory of its own exact size. For use under sanitizers, which find any
// access outside; the numbers themselves are held against the formula elsewhere.

#include <limits>

#include "tests/calls.h"
#ifdef SDFL_OPENVINO
#include <openvino/core/except.hpp>
#include <openvino/op/parameter.hpp>

#include "openvino/sparse_graph_conv.h"
#endif

namespace {

using namespace sdfl;

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
    const std::vector<Call> calls = read_calls(arguments[1]);
    for (const Call& call : calls) {
        check_extension(call, run_reference(call));
        for (const std::int32_t index : {-1, call.sizes.sources, std::numeric_limits<std::int32_t>::min()}) {
            const std::int32_t clamped = index < 0 ? 0 : call.sizes.sources - 1;
            require(run_reference(with_neighbour(call, index)) == run_reference(with_neighbour(call, clamped)), "clamps");
        }
    }
    std::printf("ok  %d vectors\n", static_cast<int>(calls.size()));
    return 0;
}
