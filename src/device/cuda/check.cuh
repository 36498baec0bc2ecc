#pragma once

#include <cuda_runtime.h>

#include <string>

#include "alphaprune/device/card_error.hpp"

namespace alphaprune::device {

/// @throws CardError unless the call succeeded: out_of_memory where that was it, else lost, since
/// after any other fault of the runtime the context of this process is not to be trusted
inline void check_cuda(cudaError_t result, const char* call) {
    if (result != cudaSuccess) {
        const bool full = result == cudaErrorMemoryAllocation;
        if (full) {
            static_cast<void>(cudaGetLastError());  // it is no lasting fault
        }
        throw CardError(full ? CardFault::out_of_memory : CardFault::lost,
                        std::string(call) + ": " + cudaGetErrorString(result));
    }
}

}  // namespace alphaprune::device
