#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "cuda/check.cuh"

namespace alphaprune::device {

/// What is released once, by its one owner. @tparam Release  a functor on the handle
template <class Handle, class Release>
class Owned {
  public:
    Owned() = default;
    explicit Owned(Handle handle) : handle_(handle) {}
    Owned(Owned&& other) noexcept : handle_(std::exchange(other.handle_, Handle{})) {}
    Owned& operator=(Owned&& other) noexcept {
        Owned released(std::move(*this));
        handle_ = std::exchange(other.handle_, Handle{});
        return *this;
    }
    ~Owned() {
        if (handle_ != Handle{}) {
            Release{}(handle_);
        }
    }
    Handle get() const { return handle_; }

  private:
    Handle handle_{};
};

struct ReleaseStream {
    void operator()(cudaStream_t stream) const { static_cast<void>(cudaStreamDestroy(stream)); }
};
struct ReleaseEvent {
    void operator()(cudaEvent_t event) const { static_cast<void>(cudaEventDestroy(event)); }
};
struct ReleaseDeviceMemory {
    void operator()(void* memory) const { static_cast<void>(cudaFree(memory)); }
};
struct ReleasePinnedMemory {
    void operator()(void* memory) const { static_cast<void>(cudaFreeHost(memory)); }
};

using Stream = Owned<cudaStream_t, ReleaseStream>;
using Event = Owned<cudaEvent_t, ReleaseEvent>;

inline Stream make_stream() {
    cudaStream_t stream = nullptr;
    check_cuda(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreate");
    return Stream(stream);
}

inline Event make_event() {
    cudaEvent_t event = nullptr;
    check_cuda(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "cudaEventCreate");
    return Event(event);
}

/// Memory of the card that grows and never shrinks; what was in it is lost when it grows.
class DeviceMemory {
  public:
    /// @returns room for `count` values, at the beginning of the memory
    template <class T>
    T* require(std::size_t count) {
        const std::size_t bytes = count * sizeof(T);
        if (bytes > bytes_) {
            memory_ = {};  // first: there may not be room for both
            bytes_ = 0;
            void* memory = nullptr;
            check_cuda(cudaMalloc(&memory, bytes), "cudaMalloc");
            memory_ = Memory(memory);
            bytes_ = bytes;
        }
        return static_cast<T*>(memory_.get());
    }

  private:
    using Memory = Owned<void*, ReleaseDeviceMemory>;
    Memory memory_;
    std::size_t bytes_ = 0;
};

/// Memory of the host from which copies to the card go on while the processor does other things.
class PinnedMemory {
  public:
    std::span<std::byte> require(std::size_t bytes) {
        if (bytes > bytes_) {
            memory_ = {};
            bytes_ = 0;
            void* memory = nullptr;
            check_cuda(cudaMallocHost(&memory, bytes), "cudaMallocHost");
            memory_ = Memory(memory);
            bytes_ = bytes;
        }
        return {static_cast<std::byte*>(memory_.get()), bytes};
    }

  private:
    using Memory = Owned<void*, ReleasePinnedMemory>;
    Memory memory_;
    std::size_t bytes_ = 0;
};

}  // namespace alphaprune::device
