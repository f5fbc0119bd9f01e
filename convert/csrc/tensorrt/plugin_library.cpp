// What TensorRT looks up by name when it loads a plugin library. Nothing here needs libnvinfer at link time.

#include <cmath>
#include <cstring>
#include <new>

#include "tensorrt/sparse_graph_conv_plugin.h"

namespace sdfl {
namespace {

nvinfer1::ILoggerFinder* logger_finder = nullptr;

}  // namespace

void log_error(const char* message) noexcept {
    nvinfer1::ILogger* logger = logger_finder ? logger_finder->findLogger() : nullptr;
    if (logger) logger->log(nvinfer1::ILogger::Severity::kERROR, message);
}

nvinfer1::IPluginV3* SparseGraphConvCreator::createPlugin(const char*, const nvinfer1::PluginFieldCollection* fields,
                                                          nvinfer1::TensorRTPhase) noexcept {
    for (std::int32_t i = 0; fields && i < fields->nbFields; ++i) {
        const nvinfer1::PluginField& field = fields->fields[i];
        if (!field.name || std::strcmp(field.name, "slope") != 0) continue;
        if (field.type != nvinfer1::PluginFieldType::kFLOAT32 || field.length != 1 || !field.data) break;
        const float slope = *static_cast<const float*>(field.data);
        if (!std::isfinite(slope)) break;
        return new (std::nothrow) SparseGraphConvPlugin(slope);
    }
    log_error("sdfl::SparseGraphConv needs the attribute slope, one finite float");
    return nullptr;
}

const nvinfer1::PluginFieldCollection* SparseGraphConvCreator::getFieldNames() noexcept {
    static const nvinfer1::PluginField field("slope", nullptr, nvinfer1::PluginFieldType::kFLOAT32, 1);
    static const nvinfer1::PluginFieldCollection fields{1, &field};
    return &fields;
}

}  // namespace sdfl

extern "C" __attribute__((visibility("default"))) nvinfer1::IPluginCreatorInterface* const* getCreators(
    std::int32_t& count) {
    static sdfl::SparseGraphConvCreator creator;
    static nvinfer1::IPluginCreatorInterface* const creators[] = {&creator};
    count = 1;
    return creators;
}

extern "C" __attribute__((visibility("default"))) void setLoggerFinder(nvinfer1::ILoggerFinder* finder) {
    sdfl::logger_finder = finder;
}
