#include <array>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "alphaprune/device/card_module.hpp"
#include "cuda/check.cuh"

namespace alphaprune::device {
namespace {

/// As nvidia-smi writes it: "GPU-12345678-9abc-…".
std::string text_of(const cudaUUID_t& uuid) {
    std::string text = "GPU";
    std::array<char, 4> digits{};
    for (int i = 0; i < 16; ++i) {
        const bool begins = i == 0 || i == 4 || i == 6 || i == 8 || i == 10;
        std::snprintf(digits.data(), digits.size(), begins ? "-%02x" : "%02x",
                      static_cast<unsigned>(static_cast<unsigned char>(uuid.bytes[i])));
        text += digits.data();
    }
    return text;
}

}  // namespace
}  // namespace alphaprune::device

extern "C" int alphaprune_cuda_interface() {
    return alphaprune::device::kModuleInterface;
}

extern "C" std::uint64_t alphaprune_cuda_free_bytes(int card) {
    using alphaprune::device::check_cuda;
    std::size_t free = 0;
    std::size_t all = 0;
    check_cuda(cudaSetDevice(card), "cudaSetDevice");
    check_cuda(cudaMemGetInfo(&free, &all), "cudaMemGetInfo");
    return free;
}

/// @throws CardError where the driver is missing or too old
extern "C" void alphaprune_cuda_cards(std::vector<alphaprune::device::CardInfo>& cards) {
    using namespace alphaprune::device;
    int count = 0;
    const cudaError_t result = cudaGetDeviceCount(&count);
    if (result == cudaErrorNoDevice) {
        return;
    }
    check_cuda(result, "cudaGetDeviceCount");
    for (int index = 0; index < count; ++index) {
        cudaDeviceProp card{};
        check_cuda(cudaGetDeviceProperties(&card, index), "cudaGetDeviceProperties");
        cards.push_back({index, card.name, text_of(card.uuid)});
    }
}
