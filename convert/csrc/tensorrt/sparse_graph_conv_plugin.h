#pragma once

#include <NvInferRuntime.h>

namespace sdfl {

/// sdfl::SparseGraphConv version 1 for TensorRT 10.3 and later.
/// Inputs z (B, M, C), attention (B, N, K), neighbours (N, K) int32, bias (C,); output (B, N, C). Linear formats, float
/// or half, all alike; B may be dynamic. The kernel clamps neighbours: a GPU's memory cannot be checked without
/// waiting.
class SparseGraphConvPlugin final : public nvinfer1::IPluginV3,
                                    public nvinfer1::IPluginV3OneCore,
                                    public nvinfer1::IPluginV3OneBuild,
                                    public nvinfer1::IPluginV3OneRuntime {
  public:
    static constexpr const char* kName = "SparseGraphConv";
    static constexpr const char* kVersion = "1";
    static constexpr const char* kNamespace = "sdfl";

    explicit SparseGraphConvPlugin(float slope) : slope_(slope) {}

    nvinfer1::IPluginCapability* getCapabilityInterface(nvinfer1::PluginCapabilityType type) noexcept override;
    nvinfer1::IPluginV3* clone() noexcept override;

    const char* getPluginName() const noexcept override { return kName; }
    const char* getPluginVersion() const noexcept override { return kVersion; }
    const char* getPluginNamespace() const noexcept override { return kNamespace; }

    std::int32_t getNbOutputs() const noexcept override { return 1; }
    std::int32_t getOutputDataTypes(nvinfer1::DataType* outputs, std::int32_t output_count,
                                    const nvinfer1::DataType* inputs, std::int32_t input_count) const noexcept override;
    std::int32_t getOutputShapes(const nvinfer1::DimsExprs* inputs, std::int32_t input_count,
                                 const nvinfer1::DimsExprs* shape_inputs, std::int32_t shape_input_count,
                                 nvinfer1::DimsExprs* outputs, std::int32_t output_count,
                                 nvinfer1::IExprBuilder& builder) noexcept override;
    bool supportsFormatCombination(std::int32_t position, const nvinfer1::DynamicPluginTensorDesc* tensors,
                                   std::int32_t input_count, std::int32_t output_count) noexcept override;
    std::int32_t configurePlugin(const nvinfer1::DynamicPluginTensorDesc* inputs, std::int32_t input_count,
                                 const nvinfer1::DynamicPluginTensorDesc* outputs,
                                 std::int32_t output_count) noexcept override;

    std::int32_t onShapeChange(const nvinfer1::PluginTensorDesc* inputs, std::int32_t input_count,
                               const nvinfer1::PluginTensorDesc* outputs, std::int32_t output_count) noexcept override;
    std::int32_t enqueue(const nvinfer1::PluginTensorDesc* input_descs, const nvinfer1::PluginTensorDesc* output_descs,
                         const void* const* inputs, void* const* outputs, void* workspace,
                         cudaStream_t stream) noexcept override;
    nvinfer1::IPluginV3* attachToContext(nvinfer1::IPluginResourceContext* context) noexcept override;
    const nvinfer1::PluginFieldCollection* getFieldsToSerialize() noexcept override;

  private:
    float slope_;
    nvinfer1::PluginField field_;
    nvinfer1::PluginFieldCollection fields_{};
};

/// Makes the plugin from its one field, slope (float), when an engine is built and when it is loaded.
class SparseGraphConvCreator final : public nvinfer1::IPluginCreatorV3One {
  public:
    nvinfer1::IPluginV3* createPlugin(const char* name, const nvinfer1::PluginFieldCollection* fields,
                                      nvinfer1::TensorRTPhase phase) noexcept override;
    const nvinfer1::PluginFieldCollection* getFieldNames() noexcept override;
    const char* getPluginName() const noexcept override { return SparseGraphConvPlugin::kName; }
    const char* getPluginVersion() const noexcept override { return SparseGraphConvPlugin::kVersion; }
    const char* getPluginNamespace() const noexcept override { return SparseGraphConvPlugin::kNamespace; }
};

/// Writes one line to the logger of the engine at work, if TensorRT gave one.
void log_error(const char* message) noexcept;

}  // namespace sdfl
