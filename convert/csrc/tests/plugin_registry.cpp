// plugin_registry RUNTIME PLUGIN: loads the plugin library PLUGIN into the registry that TensorRT's runtime library
// RUNTIME (libnvinfer or libnvinfer_lean) exports, and asks it what TensorRT would ask. Where there is a GPU, runs it
// too.

#include <NvInferRuntime.h>
#include <dlfcn.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "common/sparse_graph_conv_cpu.h"

namespace {

using nvinfer1::DataType;
using nvinfer1::TensorFormat;

void require(bool holds, const char* what) {
    std::printf("%s  %s\n", holds ? "ok  " : "FAIL", what);
    if (!holds) std::exit(1);
}

template <typename Interface>
Interface* capability(nvinfer1::IPluginV3* plugin, nvinfer1::PluginCapabilityType type) {
    return static_cast<Interface*>(plugin->getCapabilityInterface(type));
}

auto* runtime_of(nvinfer1::IPluginV3* plugin) {
    return capability<nvinfer1::IPluginV3OneRuntime>(plugin, nvinfer1::PluginCapabilityType::kRUNTIME);
}

float serialized_slope(nvinfer1::IPluginV3* plugin) {
    const auto* fields = runtime_of(plugin)->getFieldsToSerialize();
    require(fields && fields->nbFields == 1 && std::strcmp(fields->fields[0].name, "slope") == 0, "serialises slope");
    return *static_cast<const float*>(fields->fields[0].data);
}

nvinfer1::PluginTensorDesc describe(DataType type, std::vector<int> shape,
                                    TensorFormat format = TensorFormat::kLINEAR) {
    nvinfer1::PluginTensorDesc desc{};
    desc.dims.nbDims = static_cast<int>(shape.size());
    for (std::size_t i = 0; i < shape.size(); ++i) desc.dims.d[i] = shape[i];
    desc.type = type;
    desc.format = format;
    return desc;
}

/// z, attention, neighbours, bias, y
std::vector<nvinfer1::PluginTensorDesc> describe_all(DataType type, int batch, int sources, int nodes, int neighbours,
                                                     int channels) {
    return {describe(type, {batch, sources, channels}), describe(type, {batch, nodes, neighbours}),
            describe(DataType::kINT32, {nodes, neighbours}), describe(type, {channels}),
            describe(type, {batch, nodes, channels})};
}

std::vector<nvinfer1::DynamicPluginTensorDesc> dynamic(const std::vector<nvinfer1::PluginTensorDesc>& descs) {
    std::vector<nvinfer1::DynamicPluginTensorDesc> all(descs.size());
    for (std::size_t i = 0; i < descs.size(); ++i) {
        all[i].desc = descs[i];
        all[i].min = all[i].max = descs[i].dims;
    }
    return all;
}

bool supports(nvinfer1::IPluginV3OneBuild* build, const std::vector<nvinfer1::PluginTensorDesc>& descs) {
    const auto all = dynamic(descs);
    for (int i = 0; i < 5; ++i) {
        if (!build->supportsFormatCombination(i, all.data(), 4, 1)) return false;
    }
    return true;
}

void check_formats(nvinfer1::IPluginV3* plugin) {
    auto* build = capability<nvinfer1::IPluginV3OneBuild>(plugin, nvinfer1::PluginCapabilityType::kBUILD);
    const auto floats = describe_all(DataType::kFLOAT, -1, 98, 98, 4, 128);
    require(build->getNbOutputs() == 1, "has one output");
    require(supports(build, floats), "takes float");
    require(supports(build, describe_all(DataType::kHALF, -1, 98, 98, 4, 128)), "takes half");
    require(!supports(build, describe_all(DataType::kINT8, -1, 98, 98, 4, 128)), "refuses int8");
    auto mixed = floats;
    mixed[3].type = DataType::kHALF;
    require(!supports(build, mixed), "refuses a half bias beside a float z");
    auto packed = floats;
    packed[0].format = TensorFormat::kCHW32;
    require(!supports(build, packed), "refuses a format other than linear");
    auto wide = floats;
    wide[2].type = DataType::kINT64;
    require(!supports(build, wide), "refuses int64 neighbours");

    const DataType inputs[] = {DataType::kHALF, DataType::kHALF, DataType::kINT32, DataType::kHALF};
    DataType output = DataType::kFLOAT;
    require(build->getOutputDataTypes(&output, 1, inputs, 4) == 0 && output == DataType::kHALF, "keeps half");
    const auto good = dynamic(floats), bad = dynamic(describe_all(DataType::kFLOAT, -1, 97, 98, 4, 128));
    require(build->configurePlugin(good.data(), 4, good.data() + 4, 1) == 0, "configures a dynamic batch");
    require(build->configurePlugin(bad.data(), 4, bad.data() + 4, 1) != 0, "refuses M < N");

    auto* runtime = runtime_of(plugin);
    const auto seven = describe_all(DataType::kFLOAT, 7, 98, 98, 4, 128);
    require(runtime->onShapeChange(seven.data(), 4, seven.data() + 4, 1) == 0, "takes a batch of 7");
    auto uneven = seven;
    uneven[3].dims.d[0] = 64;
    require(runtime->onShapeChange(uneven.data(), 4, uneven.data() + 4, 1) != 0, "refuses a bias of another length");
}

/// Runs the plugin on device memory and compares with the CPU reference, which gives the same bits.
void check_enqueue(nvinfer1::IPluginV3* plugin, float slope) {
    constexpr sdfl::Sizes sizes{7, 98, 98, 4, 131};
    const auto descs = describe_all(DataType::kFLOAT, sizes.batch, sizes.sources, sizes.nodes, sizes.neighbours, 131);
    std::vector<std::vector<float>> host;
    for (const auto& desc : descs) {
        std::size_t size = 1;
        for (int i = 0; i < desc.dims.nbDims; ++i) size *= static_cast<std::size_t>(desc.dims.d[i]);
        host.emplace_back(size);
        for (std::size_t i = 0; i < size; ++i) host.back()[i] = std::sin(static_cast<float>(i * (host.size() + 1)));
    }
    std::vector<std::int32_t> neighbours(host[2].size());
    for (std::size_t i = 0; i < neighbours.size(); ++i) neighbours[i] = static_cast<std::int32_t>(i * 37 % 98);
    std::memcpy(host[2].data(), neighbours.data(), neighbours.size() * sizeof(float));

    std::vector<void*> device(5);
    for (int i = 0; i < 5; ++i) {
        const std::size_t bytes = host[i].size() * sizeof(float);
        require(cudaMalloc(&device[i], bytes) == cudaSuccess, "device memory");
        require(cudaMemcpy(device[i], host[i].data(), bytes, cudaMemcpyHostToDevice) == cudaSuccess,
                "copy to the device");
    }
    auto* runtime = runtime_of(plugin);
    require(runtime->onShapeChange(descs.data(), 4, &descs[4], 1) == 0, "takes the shapes");
    require(runtime->enqueue(descs.data(), &descs[4], device.data(), &device[4], nullptr, nullptr) == 0, "enqueues");
    std::vector<float> got(host[4].size()), want(got.size());
    require(cudaMemcpy(got.data(), device[4], got.size() * sizeof(float), cudaMemcpyDeviceToHost) == cudaSuccess,
            "copy from the device");
    for (void* memory : device) cudaFree(memory);
    sdfl::sparse_graph_conv_cpu_f32(host[0].data(), host[1].data(), neighbours.data(), host[3].data(), want.data(),
                                    sizes, slope);
    require(got == want, "gives the CPU reference's bits");
}

}  // namespace

int main(int count, char** arguments) {
    require(count == 3, "plugin_registry RUNTIME PLUGIN");
    void* library = dlopen(arguments[1], RTLD_NOW | RTLD_GLOBAL);
    require(library != nullptr, arguments[1]);
    auto* get_registry = reinterpret_cast<nvinfer1::IPluginRegistry* (*)()>(dlsym(library, "getPluginRegistry"));
    require(get_registry != nullptr, "the runtime exports its registry");
    nvinfer1::IPluginRegistry* registry = get_registry();
    require(registry->loadLibrary(arguments[2]) != nullptr, arguments[2]);

    bool listed = false;
    std::int32_t creators = 0;
    auto* const* all = registry->getAllCreators(&creators);
    auto* found = registry->getCreator("SparseGraphConv", "1", "sdfl");
    for (std::int32_t i = 0; i < creators; ++i) listed = listed || all[i] == found;
    require(found != nullptr && listed, "the creator is listed");
    auto* creator = static_cast<nvinfer1::IPluginCreatorV3One*>(found);
    require(creator->getFieldNames()->nbFields == 1, "the creator names its field");

    const float slope = 0.1f;
    const nvinfer1::PluginField field("slope", &slope, nvinfer1::PluginFieldType::kFLOAT32, 1);
    const nvinfer1::PluginFieldCollection fields{1, &field}, none{0, nullptr};
    require(creator->createPlugin("node", &none, nvinfer1::TensorRTPhase::kBUILD) == nullptr, "refuses no slope");
    const std::unique_ptr<nvinfer1::IPluginV3> plugin(
        creator->createPlugin("node", &fields, nvinfer1::TensorRTPhase::kBUILD));
    require(plugin != nullptr, "a plugin is created");
    const std::unique_ptr<nvinfer1::IPluginV3> copy(plugin->clone());
    require(copy != nullptr && serialized_slope(copy.get()) == slope, "a clone keeps its slope");
    const std::unique_ptr<nvinfer1::IPluginV3> loaded(creator->createPlugin(
        "node", runtime_of(copy.get())->getFieldsToSerialize(), nvinfer1::TensorRTPhase::kRUNTIME));
    require(loaded != nullptr && serialized_slope(loaded.get()) == slope, "what was serialised makes the plugin again");
    check_formats(plugin.get());

    int devices = 0;
    if (cudaGetDeviceCount(&devices) == cudaSuccess && devices > 0) {
        check_enqueue(loaded.get(), slope);
    } else {
        std::printf("no GPU: not enqueued\n");
    }
    return 0;
}
