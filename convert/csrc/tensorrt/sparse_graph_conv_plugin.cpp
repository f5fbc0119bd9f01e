#include "tensorrt/sparse_graph_conv_plugin.h"

#include <new>

#include "cuda/sparse_graph_conv_cuda.h"

namespace sdfl {
namespace {

enum Input : std::int32_t { kZ, kAttention, kNeighbours, kBias, kInputs };
constexpr std::int32_t kOk = 0, kFailed = -1;

std::int32_t fail(const char* message) noexcept {
    log_error(message);
    return kFailed;
}

bool agree(std::int64_t one, std::int64_t other) { return one == other || one < 0 || other < 0; }

/// Sizes below 0 are not known yet and fit anything.
bool shapes_fit(const nvinfer1::Dims& z, const nvinfer1::Dims& attention, const nvinfer1::Dims& neighbours,
                const nvinfer1::Dims& bias) {
    return z.nbDims == 3 && attention.nbDims == 3 && neighbours.nbDims == 2 && bias.nbDims == 1 &&
           agree(z.d[0], attention.d[0]) && agree(attention.d[1], neighbours.d[0]) &&
           agree(attention.d[2], neighbours.d[1]) && agree(z.d[2], bias.d[0]) &&
           (z.d[1] < 0 || z.d[1] >= attention.d[1]);
}

constexpr const char* kShapes =
    "sdfl::SparseGraphConv takes z (B, M >= N, C), attention (B, N, K), neighbours (N, K) and bias (C)";

template <typename T, typename Launch>
cudaError_t run(Launch launch, const void* const* in, void* out, Sizes sizes, float slope, cudaStream_t stream) {
    return launch(static_cast<const T*>(in[kZ]), static_cast<const T*>(in[kAttention]),
                  static_cast<const std::int32_t*>(in[kNeighbours]), static_cast<const T*>(in[kBias]),
                  static_cast<T*>(out), sizes, slope, stream);
}

}  // namespace

nvinfer1::IPluginCapability* SparseGraphConvPlugin::getCapabilityInterface(
    nvinfer1::PluginCapabilityType type) noexcept {
    switch (type) {
        case nvinfer1::PluginCapabilityType::kCORE:
            return static_cast<nvinfer1::IPluginV3OneCore*>(this);
        case nvinfer1::PluginCapabilityType::kBUILD:
            return static_cast<nvinfer1::IPluginV3OneBuild*>(this);
        case nvinfer1::PluginCapabilityType::kRUNTIME:
            return static_cast<nvinfer1::IPluginV3OneRuntime*>(this);
    }
    return nullptr;
}

nvinfer1::IPluginV3* SparseGraphConvPlugin::clone() noexcept {
    return new (std::nothrow) SparseGraphConvPlugin(slope_);
}

nvinfer1::IPluginV3* SparseGraphConvPlugin::attachToContext(nvinfer1::IPluginResourceContext*) noexcept {
    return clone();
}

const nvinfer1::PluginFieldCollection* SparseGraphConvPlugin::getFieldsToSerialize() noexcept {
    field_ = nvinfer1::PluginField("slope", &slope_, nvinfer1::PluginFieldType::kFLOAT32, 1);
    fields_ = {1, &field_};
    return &fields_;
}

std::int32_t SparseGraphConvPlugin::getOutputDataTypes(nvinfer1::DataType* outputs, std::int32_t output_count,
                                                       const nvinfer1::DataType* inputs,
                                                       std::int32_t input_count) const noexcept {
    if (input_count != kInputs || output_count != 1) return fail("sdfl::SparseGraphConv takes 4 inputs and gives 1");
    outputs[0] = inputs[kZ];
    return kOk;
}

std::int32_t SparseGraphConvPlugin::getOutputShapes(const nvinfer1::DimsExprs* inputs, std::int32_t input_count,
                                                    const nvinfer1::DimsExprs*, std::int32_t,
                                                    nvinfer1::DimsExprs* outputs, std::int32_t output_count,
                                                    nvinfer1::IExprBuilder&) noexcept {
    if (input_count != kInputs || output_count != 1) return fail("sdfl::SparseGraphConv takes 4 inputs and gives 1");
    if (inputs[kZ].nbDims != 3 || inputs[kAttention].nbDims != 3) return fail(kShapes);
    outputs[0].nbDims = 3;
    outputs[0].d[0] = inputs[kAttention].d[0];
    outputs[0].d[1] = inputs[kAttention].d[1];
    outputs[0].d[2] = inputs[kZ].d[2];
    return kOk;
}

bool SparseGraphConvPlugin::supportsFormatCombination(std::int32_t position,
                                                      const nvinfer1::DynamicPluginTensorDesc* tensors,
                                                      std::int32_t input_count, std::int32_t output_count) noexcept {
    if (input_count != kInputs || output_count != 1 || position < 0 || position > kInputs) return false;
    const nvinfer1::PluginTensorDesc& tensor = tensors[position].desc;
    if (tensor.format != nvinfer1::TensorFormat::kLINEAR) return false;
    if (position == kNeighbours) return tensor.type == nvinfer1::DataType::kINT32;
    if (position == kZ) return tensor.type == nvinfer1::DataType::kFLOAT || tensor.type == nvinfer1::DataType::kHALF;
    return tensor.type == tensors[kZ].desc.type;
}

std::int32_t SparseGraphConvPlugin::configurePlugin(const nvinfer1::DynamicPluginTensorDesc* inputs,
                                                    std::int32_t input_count, const nvinfer1::DynamicPluginTensorDesc*,
                                                    std::int32_t) noexcept {
    const bool fits = input_count == kInputs && shapes_fit(inputs[kZ].desc.dims, inputs[kAttention].desc.dims,
                                                           inputs[kNeighbours].desc.dims, inputs[kBias].desc.dims);
    return fits ? kOk : fail(kShapes);
}

std::int32_t SparseGraphConvPlugin::onShapeChange(const nvinfer1::PluginTensorDesc* inputs, std::int32_t input_count,
                                                  const nvinfer1::PluginTensorDesc*, std::int32_t) noexcept {
    const bool fits = input_count == kInputs && shapes_fit(inputs[kZ].dims, inputs[kAttention].dims,
                                                           inputs[kNeighbours].dims, inputs[kBias].dims);
    return fits ? kOk : fail(kShapes);
}

std::int32_t SparseGraphConvPlugin::enqueue(const nvinfer1::PluginTensorDesc* input_descs,
                                            const nvinfer1::PluginTensorDesc*, const void* const* inputs,
                                            void* const* outputs, void*, cudaStream_t stream) noexcept {
    const nvinfer1::Dims &z = input_descs[kZ].dims, &attention = input_descs[kAttention].dims;
    const auto size = [](std::int64_t value) { return static_cast<std::int32_t>(value); };
    const Sizes sizes{size(z.d[0]), size(z.d[1]), size(attention.d[1]), size(attention.d[2]), size(z.d[2])};
    const bool half = input_descs[kZ].type == nvinfer1::DataType::kHALF;
    const cudaError_t status = half ? run<Half>(sparse_graph_conv_cuda_f16, inputs, outputs[0], sizes, slope_, stream)
                                    : run<float>(sparse_graph_conv_cuda_f32, inputs, outputs[0], sizes, slope_, stream);
    return status == cudaSuccess ? kOk : fail(cudaGetErrorString(status));
}

}  // namespace sdfl
