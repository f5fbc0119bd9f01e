// time_kernel ROUNDS: times the graph layers of a network (eight calls of the kernel in a row), launched one by one and
// as one CUDA graph, in turns. Prints one line of JSON: a list of {batch, type, form, p50_us, p90_us, p99_us}.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "cuda/sparse_graph_conv_cuda.h"
#include "tests/calls.h"
#include "tests/cuda_check.h"

namespace {

using namespace sdfl;

constexpr int kLayers = 8, kWarmup = 50;
constexpr Sizes kLayer{1, 136, 68, 4, 128};  // a hidden layer of the models of the package

struct Case {
    std::string name;
    std::function<void()> run;
    std::vector<double> times_us;
};

/// Zeros: a kernel's time does not depend on the values.
void* zeros(std::size_t bytes) {
    void* memory = nullptr;
    check(cudaMalloc(&memory, bytes), "device memory");
    check(cudaMemset(memory, 0, bytes), "device memory");
    return memory;
}

template <typename T, typename Entry>
std::function<void()> layers(int batch, Entry entry, cudaStream_t stream) {
    Sizes sizes = kLayer;
    sizes.batch = batch;
    const std::size_t b = batch, m = sizes.sources, n = sizes.nodes, k = sizes.neighbours, c = sizes.channels;
    auto* z = static_cast<T*>(zeros(b * m * c * sizeof(T)));
    auto* attention = static_cast<T*>(zeros(b * n * k * sizeof(T)));
    auto* neighbours = static_cast<std::int32_t*>(zeros(n * k * sizeof(std::int32_t)));
    auto* bias = static_cast<T*>(zeros(c * sizeof(T)));
    auto* y = static_cast<T*>(zeros(b * n * c * sizeof(T)));
    return [=] {
        for (int i = 0; i < kLayers; ++i) {
            check(entry(z, attention, neighbours, bias, y, sizes, 0.0f, stream), "launch");
        }
    };
}

cudaGraphExec_t capture(const std::function<void()>& work, cudaStream_t stream) {
    cudaGraph_t graph;
    cudaGraphExec_t executable;
    check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "begin of a capture");
    work();
    check(cudaStreamEndCapture(stream, &graph), "end of a capture");
    check(cudaGraphInstantiateWithFlags(&executable, graph, 0), "CUDA graph");
    check(cudaGraphDestroy(graph), "CUDA graph");
    return executable;
}

double percentile(std::vector<double> values, double part) {
    std::sort(values.begin(), values.end());
    return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
}

}  // namespace

int main(int count, char** arguments) {
    const int rounds = count == 2 ? std::atoi(arguments[1]) : 0;
    require(rounds > 0, "time_kernel ROUNDS");
    require_gpu();
    cudaStream_t stream;
    check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "stream");
    std::vector<Case> cases;
    for (const int batch : {1, 4}) {
        for (const bool half : {false, true}) {
            const auto work = half ? layers<Half>(batch, sparse_graph_conv_cuda_f16, stream)
                                   : layers<float>(batch, sparse_graph_conv_cuda_f32, stream);
            const std::string name =
                "\"batch\": " + std::to_string(batch) + ", \"type\": \"" + (half ? "fp16" : "fp32") + "\", \"form\": ";
            const cudaGraphExec_t graph = capture(work, stream);
            cases.push_back({name + "\"launches\"", work, {}});
            cases.push_back({name + "\"CUDA graph\"", [=] { check(cudaGraphLaunch(graph, stream), "launch"); }, {}});
        }
    }
    for (int round = -kWarmup; round < rounds; ++round) {
        for (Case& each : cases) {
            const auto start = std::chrono::steady_clock::now();
            each.run();
            check(cudaStreamSynchronize(stream), "kernel");
            const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - start;
            if (round >= 0) each.times_us.push_back(time.count());
        }
    }
    std::printf("[");
    for (const Case& each : cases) {
        std::printf("%s{%s, \"p50_us\": %.2f, \"p90_us\": %.2f, \"p99_us\": %.2f}", &each == &cases[0] ? "" : ", ",
                    each.name.c_str(), percentile(each.times_us, 0.5), percentile(each.times_us, 0.9),
                    percentile(each.times_us, 0.99));
    }
    std::printf("]\n");
    return 0;
}
