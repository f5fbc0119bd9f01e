#pragma once

#include <memory>
#include <openvino/op/op.hpp>

namespace sdfl {

/// sdfl::SparseGraphConv version 1 for OpenVINO.
/// Inputs z (B, M, C), attention (B, N, K), neighbours (N, K) int32, bias (C,); output (B, N, C). Attribute slope.
/// What does not fit raises ov::NodeValidationFailure with the node's name: shapes and types when the model is read,
/// and neighbours then too where they are a constant; what is known only at inference, at inference.
class SparseGraphConv : public ov::op::Op {
  public:
    OPENVINO_OP("SparseGraphConv", "sdfl.v1");

    SparseGraphConv() = default;
    SparseGraphConv(const ov::OutputVector& inputs, float slope);

    void validate_and_infer_types() override;
    bool visit_attributes(ov::AttributeVisitor& visitor) override;
    std::shared_ptr<ov::Node> clone_with_new_inputs(const ov::OutputVector& inputs) const override;

    /// Runs on the calling thread and keeps no state, so that requests may run side by side.
    bool evaluate(ov::TensorVector& outputs, const ov::TensorVector& inputs) const override;
    bool has_evaluate() const override;

  private:
    ov::element::Type infer_type() const;
    ov::PartialShape infer_shape() const;
    void check_neighbours(const std::int32_t* neighbours, std::size_t count, std::int64_t sources) const;

    float slope_ = 1.0f;
};

}  // namespace sdfl
