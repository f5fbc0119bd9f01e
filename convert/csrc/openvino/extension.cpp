#include <openvino/core/extension.hpp>
#include <openvino/core/op_extension.hpp>
#include <openvino/frontend/onnx/extension/op.hpp>

#include "openvino/sparse_graph_conv.h"

// The first entry reads the operator from OpenVINO's own format, the second from ONNX.
OPENVINO_CREATE_EXTENSIONS(std::vector<ov::Extension::Ptr>({
    std::make_shared<ov::OpExtension<sdfl::SparseGraphConv>>(),
    std::make_shared<ov::frontend::onnx::OpExtension<sdfl::SparseGraphConv>>("SparseGraphConv", "sdfl"),
}));
