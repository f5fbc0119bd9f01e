#include "openvino/sparse_graph_conv.h"

#include <algorithm>
#include <openvino/op/constant.hpp>

#include "common/sparse_graph_conv_cpu.h"

namespace sdfl {
namespace {

enum Input : std::size_t { kZ, kAttention, kNeighbours, kBias, kInputs };

template <typename T>
void run(ov::Tensor& y, const ov::TensorVector& inputs, Sizes sizes, float slope) {
    const auto data = [&](std::size_t index) { return static_cast<const T*>(inputs[index].data()); };
    const auto* neighbours = inputs[kNeighbours].data<const std::int32_t>();
    const Operands<T> at{data(kZ), data(kAttention), neighbours, data(kBias), static_cast<T*>(y.data())};
    sparse_graph_conv_rows(at, sizes, slope, 0, static_cast<std::int64_t>(sizes.batch) * sizes.nodes);
}

}  // namespace

SparseGraphConv::SparseGraphConv(const ov::OutputVector& inputs, float slope) : Op(inputs), slope_(slope) {
    constructor_validate_and_infer_types();
}

void SparseGraphConv::validate_and_infer_types() {
    NODE_VALIDATION_CHECK(this, get_input_size() == kInputs, "takes 4 inputs, got ", get_input_size());
    const auto type = infer_type();
    const auto shape = infer_shape();
    const auto sources = input_value(kZ).get_partial_shape();
    const auto constant = ov::as_type_ptr<ov::op::v0::Constant>(get_input_node_shared_ptr(kNeighbours));
    if (constant && constant->get_element_type() == ov::element::i32 && sources.rank().is_static() &&
        sources[1].is_static()) {
        const auto count = ov::shape_size(constant->get_shape());
        check_neighbours(constant->get_data_ptr<std::int32_t>(), count, sources[1].get_length());
    }
    set_output_type(0, type, shape);
}

ov::element::Type SparseGraphConv::infer_type() const {
    ov::element::Type type = get_input_element_type(kZ);
    for (const auto index : {kAttention, kBias}) {
        NODE_VALIDATION_CHECK(this, ov::element::Type::merge(type, type, get_input_element_type(index)),
                              "z, attention and bias must share a type, got ", get_input_element_type(kZ), ", ",
                              get_input_element_type(kAttention), ", ", get_input_element_type(kBias));
    }
    NODE_VALIDATION_CHECK(this,
                          type == ov::element::f32 || type == ov::element::f16 || type == ov::element::bf16 ||
                              type == ov::element::dynamic,
                          "z must be f32, f16 or bf16, got ", type);
    const auto index_type = get_input_element_type(kNeighbours);
    NODE_VALIDATION_CHECK(this, index_type == ov::element::i32 || index_type == ov::element::dynamic,
                          "neighbours must be i32, got ", index_type);
    return type;
}

ov::PartialShape SparseGraphConv::infer_shape() const {
    const auto z = get_input_partial_shape(kZ), attention = get_input_partial_shape(kAttention);
    const auto neighbours = get_input_partial_shape(kNeighbours), bias = get_input_partial_shape(kBias);
    const auto any = ov::Dimension::dynamic();
    ov::PartialShape b_m_c{any, any, any}, b_n_k{any, any, any}, n_k{any, any}, c{any};
    bool fits = ov::PartialShape::merge_into(b_m_c, z) && ov::PartialShape::merge_into(b_n_k, attention) &&
                ov::PartialShape::merge_into(n_k, neighbours) && ov::PartialShape::merge_into(c, bias);
    ov::Dimension batch, nodes, channels, slots;
    fits = fits && ov::Dimension::merge(batch, b_m_c[0], b_n_k[0]) && ov::Dimension::merge(nodes, b_n_k[1], n_k[0]) &&
           ov::Dimension::merge(slots, b_n_k[2], n_k[1]) && ov::Dimension::merge(channels, b_m_c[2], c[0]);
    const auto most = b_m_c[1].get_interval().get_max_val(), least = nodes.get_interval().get_min_val();
    NODE_VALIDATION_CHECK(this, fits && most >= least,
                          "takes z (B, M >= N, C), attention (B, N, K), neighbours (N, K), bias (C), got ", z, ", ",
                          attention, ", ", neighbours, ", ", bias);
    return {batch, nodes, channels};
}

void SparseGraphConv::check_neighbours(const std::int32_t* neighbours, std::size_t count, std::int64_t sources) const {
    const auto* bad = std::find_if(neighbours, neighbours + count, [&](auto i) { return i < 0 || i >= sources; });
    NODE_VALIDATION_CHECK(this, bad == neighbours + count, "neighbours must lie in 0..", sources - 1, ", got ", *bad);
}

bool SparseGraphConv::visit_attributes(ov::AttributeVisitor& visitor) {
    visitor.on_attribute("slope", slope_);
    return true;
}

std::shared_ptr<ov::Node> SparseGraphConv::clone_with_new_inputs(const ov::OutputVector& inputs) const {
    check_new_args_count(this, inputs);
    return std::make_shared<SparseGraphConv>(inputs, slope_);
}

bool SparseGraphConv::has_evaluate() const {
    const auto type = get_input_element_type(kZ);
    return type == ov::element::f32 || type == ov::element::f16 || type == ov::element::bf16;
}

bool SparseGraphConv::evaluate(ov::TensorVector& outputs, const ov::TensorVector& inputs) const {
    // The tensors may be any that the caller brought: nothing is taken from what the model promised.
    const auto type = inputs[kZ].get_element_type();
    const bool plain =
        std::all_of(inputs.begin(), inputs.end(), [](const auto& tensor) { return tensor.is_continuous(); });
    NODE_VALIDATION_CHECK(
        this,
        plain && outputs[0].get_element_type() == type && inputs[kAttention].get_element_type() == type &&
            inputs[kBias].get_element_type() == type && inputs[kNeighbours].get_element_type() == ov::element::i32,
        "takes contiguous tensors, z, attention, bias and y of one type and neighbours of i32");
    const ov::Shape &z = inputs[kZ].get_shape(), &attention = inputs[kAttention].get_shape();
    const ov::Shape &neighbours = inputs[kNeighbours].get_shape(), &bias = inputs[kBias].get_shape();
    const bool fits = z.size() == 3 && attention.size() == 3 && z[0] == attention[0] && z[1] >= attention[1] &&
                      neighbours == ov::Shape{attention[1], attention[2]} && bias == ov::Shape{z[2]};
    NODE_VALIDATION_CHECK(this, fits, "takes z (B, M >= N, C), attention (B, N, K), neighbours (N, K), bias (C), got ",
                          z, ", ", attention, ", ", neighbours, ", ", bias);
    check_neighbours(inputs[kNeighbours].data<const std::int32_t>(), ov::shape_size(neighbours), z[1]);

    outputs[0].set_shape({attention[0], attention[1], z[2]});
    NODE_VALIDATION_CHECK(this, outputs[0].is_continuous(), "takes a contiguous tensor for y");
    const auto size = [](std::size_t value) { return static_cast<std::int32_t>(value); };
    const Sizes sizes{size(z[0]), size(z[1]), size(attention[1]), size(attention[2]), size(z[2])};
    switch (type) {
        case ov::element::f32:
            run<float>(outputs[0], inputs, sizes, slope_);
            return true;
        case ov::element::f16:
            run<Half>(outputs[0], inputs, sizes, slope_);
            return true;
        case ov::element::bf16:
            run<BFloat16>(outputs[0], inputs, sizes, slope_);
            return true;
        default:
            return false;
    }
}

}  // namespace sdfl
