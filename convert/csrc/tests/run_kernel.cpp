// run_kernel FILE: runs the CUDA kernel on every vector of FILE and compares its bits with those of the CPU reference.
// Each array lies in device memory of its own exact size, so that compute-sanitizer finds any access outside; a second
// time it begins one value further, where the kernel's wide loads would not be aligned.

#include <algorithm>
#include <limits>

#include "cuda/sparse_graph_conv_cuda.h"
#include "tests/calls.h"
#include "tests/cuda_check.h"

namespace {

using namespace sdfl;

/// A copy of some bytes on the device, `shift` bytes behind the start of its memory.
class OnDevice {
  public:
    OnDevice(const Bytes& bytes, std::size_t shift) : size_(bytes.size()), shift_(shift) {
        check(cudaMalloc(&memory_, size_ + shift_ + (size_ + shift_ == 0)), "device memory");
        check(cudaMemcpy(at<char>(), bytes.data(), size_, cudaMemcpyHostToDevice), "copy to the device");
    }
    OnDevice(const OnDevice&) = delete;
    OnDevice& operator=(const OnDevice&) = delete;
    ~OnDevice() { cudaFree(memory_); }

    template <typename T>
    T* at() const {
        return reinterpret_cast<T*>(static_cast<char*>(memory_) + shift_);
    }

    Bytes read() const {
        Bytes bytes(size_);
        check(cudaMemcpy(bytes.data(), at<char>(), size_, cudaMemcpyDeviceToHost), "copy from the device");
        return bytes;
    }

  private:
    std::size_t size_, shift_;
    void* memory_ = nullptr;
};

template <typename T, typename Entry>
Bytes run_kernel(const Call& call, Entry entry, std::size_t shift) {
    const OnDevice z(call.z, shift), attention(call.attention, shift), neighbours(call.neighbours, 0);
    const OnDevice bias(call.bias, shift), y(Bytes(result_bytes(call), 0xff), shift);
    check(entry(z.at<T>(), attention.at<T>(), neighbours.at<std::int32_t>(), bias.at<T>(), y.at<T>(), call.sizes,
                call.slope, nullptr),
          "launch");
    check(cudaDeviceSynchronize(), "kernel");
    return y.read();
}

Bytes run_kernel(const Call& call, bool shifted) {
    const std::size_t shift = shifted ? (call.is_half ? sizeof(Half) : sizeof(float)) : 0;
    return call.is_half ? run_kernel<Half>(call, sparse_graph_conv_cuda_f16, shift)
                        : run_kernel<float>(call, sparse_graph_conv_cuda_f32, shift);
}

/// Value `index` of halves or floats.
float value_at(const Bytes& bytes, std::size_t index, bool is_half) {
    if (is_half) return to_float(reinterpret_cast<const Half*>(bytes.data())[index]);
    return reinterpret_cast<const float*>(bytes.data())[index];
}

std::size_t count_of(const Bytes& bytes, bool is_half) { return bytes.size() / (is_half ? 2 : 4); }

/// The result for NaN and infinity is unspecified.
bool is_finite(const Bytes& bytes, bool is_half) {
    for (std::size_t i = 0; i < count_of(bytes, is_half); ++i) {
        const float value = value_at(bytes, i, is_half);
        if (!(value - value == 0.0f)) return false;
    }
    return true;
}

/// Says how far apart two results are; returns whether they have the same bits.
bool same(const Bytes& got, const Bytes& want, const Call& call, int index, const char* where) {
    if (got == want) return true;
    const std::size_t bytes = call.is_half ? 2 : 4, count = count_of(want, call.is_half);
    std::size_t different = 0;
    double largest = 0;
    for (std::size_t i = 0; i < count; ++i) {
        different += std::memcmp(&got[i * bytes], &want[i * bytes], bytes) != 0;
        const double apart = double{value_at(got, i, call.is_half)} - double{value_at(want, i, call.is_half)};
        largest = apart == apart ? std::max(largest, apart < 0 ? -apart : apart) : largest;
    }
    std::printf("FAIL  vector %d, %s: %zu of %zu values have other bits than on the CPU, by %g at most\n", index, where,
                different, count, largest);
    return false;
}

}  // namespace

int main(int count, char** arguments) {
    require(count == 2, "run_kernel FILE");
    const char* gpu = require_gpu();
    int compared = 0, index = 0;
    bool passed = true;
    const std::vector<Call> calls = read_calls(arguments[1]);
    for (const Call& call : calls) {
        const Bytes want = run_reference(call);
        const bool finite = is_finite(call.z, call.is_half) && is_finite(call.attention, call.is_half);
        for (const bool shifted : {false, true}) {
            const Bytes got = run_kernel(call, shifted);
            if (finite) passed &= same(got, want, call, index, shifted ? "shifted by one value" : "aligned");
        }
        compared += finite;
        for (const std::int32_t neighbour : {-1, call.sizes.sources, std::numeric_limits<std::int32_t>::min()}) {
            const Call outside = with_neighbour(call, neighbour);
            const Bytes got = run_kernel(outside, false);
            if (finite) passed &= same(got, run_reference(outside), call, index, "a neighbour out of range");
        }
        ++index;
    }
    if (!passed) return 1;
    std::printf("ok  %d vectors run, %d of them compared bit by bit, on %s\n", index, compared, gpu);
    return 0;
}
