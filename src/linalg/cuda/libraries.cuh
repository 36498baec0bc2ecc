#pragma once

#include <cublas_v2.h>
#include <cusolverDn.h>

#include <string>

#include "cuda/resources.cuh"

namespace alphaprune::linalg {

/// @throws device::CardError unless the call of cuBLAS succeeded
inline void check_cublas(cublasStatus_t status, const char* call) {
    if (status != CUBLAS_STATUS_SUCCESS) {
        using device::CardFault;
        const CardFault fault = status == CUBLAS_STATUS_ALLOC_FAILED ? CardFault::out_of_memory
                                : status == CUBLAS_STATUS_EXECUTION_FAILED ? CardFault::lost
                                                                           : CardFault::refused;
        throw device::CardError(fault, std::string(call) + ": " + cublasGetStatusString(status));
    }
}

/// @throws device::CardError unless the call of cuSOLVER succeeded
inline void check_cusolver(cusolverStatus_t status, const char* call) {
    if (status != CUSOLVER_STATUS_SUCCESS) {
        using device::CardFault;
        const CardFault fault = status == CUSOLVER_STATUS_ALLOC_FAILED ? CardFault::out_of_memory
                                : status == CUSOLVER_STATUS_EXECUTION_FAILED ? CardFault::lost
                                                                             : CardFault::refused;
        throw device::CardError(fault,
                                std::string(call) + ": status " + std::to_string(int{status}));
    }
}

struct ReleaseCublas {
    void operator()(cublasHandle_t handle) const { static_cast<void>(cublasDestroy(handle)); }
};
struct ReleaseCusolver {
    void operator()(cusolverDnHandle_t handle) const {
        static_cast<void>(cusolverDnDestroy(handle));
    }
};
struct ReleaseCusolverParameters {
    void operator()(cusolverDnParams_t parameters) const {
        static_cast<void>(cusolverDnDestroyParams(parameters));
    }
};
using Cublas = device::Owned<cublasHandle_t, ReleaseCublas>;
using Cusolver = device::Owned<cusolverDnHandle_t, ReleaseCusolver>;
using CusolverParameters = device::Owned<cusolverDnParams_t, ReleaseCusolverParameters>;

/// On that stream, with a workspace of its own: cuBLAS then repeats its bits.
inline Cublas make_cublas(cudaStream_t stream, device::DeviceMemory& workspace) {
    constexpr std::size_t kWorkspaceBytes = std::size_t{32} << 20;
    cublasHandle_t handle = nullptr;
    check_cublas(cublasCreate(&handle), "cublasCreate");
    Cublas owned(handle);
    check_cublas(cublasSetStream(handle, stream), "cublasSetStream");
    check_cublas(
        cublasSetWorkspace(handle, workspace.require<std::byte>(kWorkspaceBytes), kWorkspaceBytes),
        "cublasSetWorkspace");
    return owned;
}

inline Cusolver make_cusolver(cudaStream_t stream) {
    cusolverDnHandle_t handle = nullptr;
    check_cusolver(cusolverDnCreate(&handle), "cusolverDnCreate");
    Cusolver owned(handle);
    check_cusolver(cusolverDnSetStream(handle, stream), "cusolverDnSetStream");
    return owned;
}

inline CusolverParameters make_cusolver_parameters() {
    cusolverDnParams_t parameters = nullptr;
    check_cusolver(cusolverDnCreateParams(&parameters), "cusolverDnCreateParams");
    return CusolverParameters(parameters);
}

}  // namespace alphaprune::linalg
