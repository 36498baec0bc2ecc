#include "cuda/nccl_group.cuh"

#include "alphaprune/device/card_error.hpp"

#if __has_include(<nccl.h>)

#include <dlfcn.h>
#include <nccl.h>

#include <chrono>
#include <cstring>
#include <string>
#include <thread>

#include "cuda/resources.cuh"

namespace alphaprune::linalg {
namespace {

using device::CardError;
using device::CardFault;
using device::check_cuda;

static_assert(sizeof(ncclUniqueId) == sizeof(FarGroupKey));

/// The functions of libnccl.so.2, as long as the process lives.
struct Nccl {
    decltype(&ncclGetUniqueId) get_unique_id = nullptr;
    decltype(&ncclCommInitRank) init_rank = nullptr;
    decltype(&ncclAllReduce) all_reduce = nullptr;
    decltype(&ncclCommGetAsyncError) get_async_error = nullptr;
    decltype(&ncclCommAbort) abort = nullptr;
    decltype(&ncclGetErrorString) error_string = nullptr;
    std::string fault;  ///< why they are not there; empty: they are

    static const Nccl& get() {
        static const Nccl nccl;
        return nccl;
    }

    void check(ncclResult_t result, const char* call) const {
        if (result != ncclSuccess) {
            throw CardError(CardFault::refused, std::string(call) + ": " + error_string(result));
        }
    }

  private:
    Nccl() {
        void* const library = ::dlopen("libnccl.so.2", RTLD_NOW | RTLD_LOCAL);
        const bool is_there = library != nullptr &&
                              load(library, get_unique_id, "ncclGetUniqueId") &&
                              load(library, init_rank, "ncclCommInitRank") &&
                              load(library, all_reduce, "ncclAllReduce") &&
                              load(library, get_async_error, "ncclCommGetAsyncError") &&
                              load(library, abort, "ncclCommAbort") &&
                              load(library, error_string, "ncclGetErrorString");
        if (!is_there) {
            const char* const why = ::dlerror();
            fault = why != nullptr ? why : "libnccl.so.2 cannot be loaded";
        }
    }

    template <class Function>
    static bool load(void* library, Function& function, const char* name) {
        function = reinterpret_cast<Function>(::dlsym(library, name));
        return function != nullptr;
    }
};

class NcclGroup : public FarGroup {
  public:
    NcclGroup(cudaStream_t stream, const FarGroupKey& key, int rank, int ranks)
        : nccl_(Nccl::get()), stream_(stream), done_(device::make_event()) {
        ncclUniqueId id;
        std::memcpy(&id, key.data(), key.size());
        nccl_.check(nccl_.init_rank(&communicator_, ranks, id, rank), "ncclCommInitRank");
    }
    NcclGroup(const NcclGroup&) = delete;
    NcclGroup& operator=(const NcclGroup&) = delete;
    ~NcclGroup() override { leave(); }

    void sum(double* values, std::int64_t count) override {
        if (communicator_ == nullptr) {
            throw CardError(CardFault::refused, "ncclAllReduce: the group has been given up");
        }
        try {
            nccl_.check(nccl_.all_reduce(values, values, static_cast<std::size_t>(count),
                                         ncclFloat64, ncclSum, communicator_, stream_),
                        "ncclAllReduce");
            check_cuda(cudaEventRecord(done_.get(), stream_), "cudaEventRecord");
            wait();
        } catch (const CardError&) {
            leave();
            throw;
        }
    }

  private:
    /// Not in the driver, which would wait for ever for a rank that has ended.
    void wait() const {
        constexpr std::chrono::microseconds kTurn{20};
        constexpr std::chrono::minutes kPatience{5};
        const auto end = std::chrono::steady_clock::now() + kPatience;
        cudaError_t state = cudaEventQuery(done_.get());
        for (; state == cudaErrorNotReady; state = cudaEventQuery(done_.get())) {
            ncclResult_t fault = ncclSuccess;
            nccl_.check(nccl_.get_async_error(communicator_, &fault), "ncclCommGetAsyncError");
            nccl_.check(fault, "ncclAllReduce");
            if (std::chrono::steady_clock::now() > end) {
                throw CardError(
                    CardFault::refused,
                    "ncclAllReduce: the card of another rank has not come in 5 minutes");
            }
            std::this_thread::sleep_for(kTurn);
        }
        check_cuda(state, "cudaEventQuery");
    }

    /// By itself, whatever the others do.
    void leave() noexcept {
        if (communicator_ != nullptr) {
            static_cast<void>(nccl_.abort(communicator_));
            communicator_ = nullptr;
        }
    }

    const Nccl& nccl_;
    cudaStream_t stream_;
    device::Event done_;
    ncclComm_t communicator_ = nullptr;
};

}  // namespace

FarGroupKey make_nccl_key() {
    const Nccl& nccl = Nccl::get();
    if (!nccl.fault.empty()) {
        throw CardError(CardFault::refused, nccl.fault);
    }
    ncclUniqueId id;
    nccl.check(nccl.get_unique_id(&id), "ncclGetUniqueId");
    FarGroupKey key;
    std::memcpy(key.data(), &id, key.size());
    return key;
}

std::unique_ptr<FarGroup> join_nccl_group(cudaStream_t stream, const FarGroupKey& key, int rank,
                                          int ranks) {
    return std::make_unique<NcclGroup>(stream, key, rank, ranks);
}

}  // namespace alphaprune::linalg

#else

namespace alphaprune::linalg {

FarGroupKey make_nccl_key() {
    throw device::CardError(device::CardFault::refused, "the module was built without NCCL");
}

std::unique_ptr<FarGroup> join_nccl_group(cudaStream_t, const FarGroupKey&, int, int) {
    throw device::CardError(device::CardFault::refused, "the module was built without NCCL");
}

}  // namespace alphaprune::linalg

#endif
