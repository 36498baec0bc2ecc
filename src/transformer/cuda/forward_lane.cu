#include "cuda/forward_lane.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "cuda/card_losses.cuh"
#include "cuda/card_products.cuh"
#include "cuda/card_sums.cuh"
#include "cuda/chosen_values.cuh"
#include "cuda/column_sweep.cuh"
#include "cuda/dropping.cuh"
#include "cuda/elementwise.cuh"
#include "cuda/far_algebra.cuh"
#include "cuda/launch.cuh"
#include "cuda/nccl_group.cuh"
#include "cuda/plain_attention.cuh"
#include "cuda/spectrum_kernels.hpp"
#include "cuda/tensor_attention.cuh"

namespace alphaprune::transformer::card {

using namespace device;  // launches
namespace {

constexpr std::size_t kStagedBytes = std::size_t{16} << 20;

/// Copies to the card and from it by way of two buffers: what is copied may change at once, and any
/// memory of the host is as good as pinned one.
class StagedCopy {
  public:
    explicit StagedCopy(cudaStream_t stream) : stream_(stream) {
        std::ranges::generate(copied_, device::make_event);
    }

    /// @param after  called with each piece's place and its bytes once its copy is in the stream;
    ///               `to` is the place of a piece among all bytes
    template <class To, class After>
    void to_card(std::span<const std::byte> from, const To& to, const After& after) {
        for (std::size_t begin = 0; begin < from.size(); begin += kStagedBytes) {
            const auto piece = from.subspan(begin, std::min(kStagedBytes, from.size() - begin));
            check_cuda(cudaEventSynchronize(copied_[turn_].get()), "cudaEventSynchronize");
            const std::span<std::byte> staged = staging_[turn_].require(kStagedBytes);
            std::memcpy(staged.data(), piece.data(), piece.size());
            check_cuda(
                cudaMemcpyAsync(to(begin), staged.data(), piece.size(), cudaMemcpyDefault, stream_),
                "cudaMemcpyAsync");
            check_cuda(cudaEventRecord(copied_[turn_].get(), stream_), "cudaEventRecord");
            turn_ = 1 - turn_;
            after(begin, piece.size());
        }
    }

    /// Waits.
    void from_card(std::span<std::byte> to, const std::byte* from) {
        std::span<std::byte> before;
        for (std::size_t begin = 0; begin < to.size(); begin += kStagedBytes) {
            const auto piece = to.subspan(begin, std::min(kStagedBytes, to.size() - begin));
            check_cuda(cudaEventSynchronize(copied_[turn_].get()), "cudaEventSynchronize");
            check_cuda(cudaMemcpyAsync(staging_[turn_].require(kStagedBytes).data(), from + begin,
                                       piece.size(), cudaMemcpyDefault, stream_),
                       "cudaMemcpyAsync");
            check_cuda(cudaEventRecord(copied_[turn_].get(), stream_), "cudaEventRecord");
            turn_ = 1 - turn_;
            take(before);
            before = piece;
        }
        turn_ = 1 - turn_;
        take(before);
        turn_ = 1 - turn_;
    }

  private:
    /// What is on its way in the buffer whose turn is next.
    void take(std::span<std::byte> to) {
        if (!to.empty()) {
            check_cuda(cudaEventSynchronize(copied_[turn_].get()), "cudaEventSynchronize");
            std::memcpy(to.data(), staging_[turn_].require(kStagedBytes).data(), to.size());
        }
    }

    cudaStream_t stream_;
    std::array<device::Event, 2> copied_;  ///< what was staged there
    std::array<device::PinnedMemory, 2> staging_;
    std::size_t turn_ = 0;  ///< of the two
};

class CudaForwardLane : public ForwardLane {
  public:
    explicit CudaForwardLane(int card)
        : card_((check_cuda(cudaSetDevice(card), "cudaSetDevice"), card)),
          stream_(device::make_stream()),
          copies_(stream_.get()),
          products_(stream_.get()),
          algebra_(stream_.get()) {}

    ~CudaForwardLane() override { static_cast<void>(cudaSetDevice(card_)); }

    void* allocate(std::size_t bytes) override {
        static_cast<void>(on_card());
        void* memory = nullptr;
        check_cuda(cudaMalloc(&memory, std::max<std::size_t>(bytes, 1)), "cudaMalloc");
        return memory;
    }

    void release(void* memory) override {
        check_cuda(cudaStreamSynchronize(on_card()), "cudaStreamSynchronize");
        check_cuda(cudaFree(memory), "cudaFree");
    }

    void* allocate_on_host(std::size_t bytes) override {
        static_cast<void>(on_card());
        void* memory = nullptr;
        check_cuda(cudaMallocHost(&memory, std::max<std::size_t>(bytes, 1)), "cudaMallocHost");
        return memory;
    }

    void release_on_host(void* memory) override {
        check_cuda(cudaStreamSynchronize(on_card()), "cudaStreamSynchronize");
        check_cuda(cudaFreeHost(memory), "cudaFreeHost");
    }

    void pin(std::span<std::byte> memory) override {
        static_cast<void>(on_card());
        if (memory.empty()) {
            return;
        }
        if (cudaHostRegister(memory.data(), memory.size(), cudaHostRegisterDefault) ==
            cudaSuccess) {
            pinned_.push_back(memory);
        } else {  // as of some files that are mapped: copies take the longer way
            static_cast<void>(cudaGetLastError());
        }
    }

    void unpin(std::span<std::byte> memory) override {
        const auto found = std::ranges::find(pinned_, memory.data(), &std::span<std::byte>::data);
        if (found != pinned_.end()) {
            pinned_.erase(found);
            check_cuda(cudaStreamSynchronize(on_card()), "cudaStreamSynchronize");
            check_cuda(cudaHostUnregister(memory.data()), "cudaHostUnregister");
        }
    }

    void upload(void* to, std::span<const std::byte> from) override {
        const cudaStream_t stream = on_card();
        products_.forget(to);
        if (is_pinned(from)) {
            copy_pinned(stream, to, from.data(), from.size());
            return;
        }
        copies_.to_card(
            from, [to](std::size_t begin) { return static_cast<std::byte*>(to) + begin; },
            [](std::size_t, std::size_t) {});
    }

    void upload_as(void* to, support::ScalarType type, std::span<const float> from) override {
        if (type == support::ScalarType::float32) {
            upload(to, std::as_bytes(from));
            return;
        }
        const cudaStream_t stream = on_card();
        auto* const wide = wide_.require<std::byte>(std::min(kStagedBytes, from.size_bytes()));
        copies_.to_card(
            std::as_bytes(from), [wide](std::size_t) { return wide; },
            [&](std::size_t begin, std::size_t bytes) {
                const std::size_t done = begin / sizeof(float);
                card::narrow(stream, reinterpret_cast<const float*>(wide),
                             static_cast<std::int64_t>(bytes / sizeof(float)), type,
                             static_cast<std::byte*>(to) + done * linalg::kernels::bytes_of(type));
            });
    }

    void download(std::span<std::byte> to, const void* from) override {
        const cudaStream_t stream = on_card();
        if (is_pinned(to)) {
            copy_pinned(stream, to.data(), from, to.size());
            return;
        }
        copies_.from_card(to, static_cast<const std::byte*>(from));
    }

    void begin_download(int turn, const void* from, std::size_t bytes) override {
        Download& one = downloads_[static_cast<std::size_t>(turn)];
        const cudaStream_t stream = on_card();
        check_cuda(cudaEventSynchronize(one.done.get()), "cudaEventSynchronize");
        one.values = one.room.require(std::max<std::size_t>(bytes, 1)).first(bytes);
        check_cuda(cudaMemcpyAsync(one.values.data(), from, bytes, cudaMemcpyDeviceToHost, stream),
                   "cudaMemcpyAsync");
        check_cuda(cudaEventRecord(one.done.get(), stream), "cudaEventRecord");
    }

    std::span<const std::byte> finish_download(int turn) override {
        const Download& one = downloads_[static_cast<std::size_t>(turn)];
        check_cuda(cudaEventSynchronize(one.done.get()), "cudaEventSynchronize");
        return one.values;
    }

    void copy(void* to, const void* from, std::size_t bytes) override {
        products_.forget(to);
        check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, on_card()),
                   "cudaMemcpyAsync");
    }

    void clear(void* to, std::size_t bytes) override {
        products_.forget(to);
        check_cuda(cudaMemsetAsync(to, 0, bytes, on_card()), "cudaMemsetAsync");
    }

    void wait() override { check_cuda(cudaStreamSynchronize(on_card()), "cudaStreamSynchronize"); }

    void multiply(std::span<const Product> products, linalg::ForwardPrecision precision) override {
        static_cast<void>(on_card());
        products_.multiply(products, precision);
    }

    void norm(const Norm& work) override {
        const cudaStream_t stream = on_card();
        card::norm(stream, work,
                   products_.prepare(work.out, work.rows * work.width, work.width, work.intent));
    }
    void gate(const Gate& work) override {
        const cudaStream_t stream = on_card();
        Intent intent = work.intent;
        intent.doubled = false;  // whose rows a gate does not know
        card::gate(stream, work, products_.prepare(work.gate, work.count, 4, intent));
    }
    void rotate(const Rotation& work) override {
        products_.forget(work.values);
        card::rotate(on_card(), work);
    }

    void attend(const Attention& work, linalg::ForwardPrecision precision) override {
        const cudaStream_t stream = on_card();
        products_.forget(work.out);
        if (!attend_in_parts(stream, work, parts_of(precision), scratch_)) {
            attend_plainly(stream, work);
        }
    }

    void copy_rows(const RowCopy& work) override {
        products_.forget(work.to);
        card::copy_rows(on_card(), work);
    }
    void gather(const Gathering& work) override {
        products_.forget(work.to);
        card::gather(on_card(), work);
    }
    void scatter(const Scattering& work) override {
        products_.forget(work.sum);
        card::scatter(on_card(), work);
    }
    void add(const Addition& work) override {
        products_.forget(work.sum);
        card::add(on_card(), work);
    }

    void column_squares(const float* values, std::int64_t rows, std::int64_t cols,
                        float* sums) override {
        card::column_squares(on_card(), values, rows, cols, sums, scratch_);
    }

    void add_products(const ProductSum& work, linalg::ForwardPrecision precision) override {
        static_cast<void>(on_card());
        products_.add_products(work, precision);
    }
    void subtract(const Difference& work) override { card::subtract(on_card(), work); }
    void add_in_double(double* sums, const float* values, std::int64_t count) override {
        card::add_in_double(on_card(), sums, values, count);
    }

    std::int64_t drop_lowest(const Dropping& work) override {
        return card::drop_lowest(on_card(), work, scratch_);
    }

    void add_vocabulary(const VocabularyPart& work, linalg::ForwardPrecision precision) override {
        card::add_vocabulary(on_card(), products_, work, precision, scratch_);
    }

    void widen(const void* stored, support::ScalarType type, std::int64_t count,
               float* to) override {
        products_.forget(to);
        algebra().widen(stored, type, count, to);
    }
    std::int64_t narrow(const float* from, std::int64_t count, support::ScalarType type,
                        void* stored) override {
        card::narrow(on_card(), from, count, type, stored);
        return algebra().count_not_finite(stored, type, count);
    }
    void round_to_float(const double* from, std::int64_t count, double factor, float* to) override {
        algebra().round_to_float(from, count, factor, to);
    }
    std::int64_t count_not_finite(const double* values, std::int64_t count) override {
        return algebra().count_not_finite(values, support::ScalarType::float64, count);
    }
    void diagonal(const double* matrix, std::span<double> out) override {
        algebra().diagonal(matrix, out);
    }
    void scale_columns(float* values, std::int64_t rows, std::span<const float> scale,
                       bool divide) override {
        algebra().scale_columns(values, rows, scale, divide);
    }
    void clear_columns(float* values, std::int64_t rows,
                       std::span<const std::uint8_t> which) override {
        algebra().clear_columns(values, rows, which);
    }
    void make_scaled(const linalg::ScaledSums& work, float* out) override {
        algebra().make_scaled(work, out);
    }
    bool factor(const linalg::ScaledSums& work, bool reversed, double* out) override {
        return algebra().factor(work, reversed, out);
    }
    void invert_reversed(double* lower, std::int64_t order, float* out) override {
        algebra().invert_reversed(lower, order, out);
    }
    void invert(double* lower, std::int64_t order, float* out) override {
        algebra().invert(lower, order, out);
    }
    void multiply_add(const linalg::MatrixProduct& work) override { algebra().multiply_add(work); }
    void score(const linalg::PanelScores& work) override { linalg::score(on_card(), work); }
    void count_magnitudes(const linalg::MagnitudeCount& work) override {
        linalg::count_magnitudes(on_card(), work);
    }
    void sweep(const linalg::PanelSweep& work) override { linalg::sweep(on_card(), work); }
    void choose_larger(const linalg::LargerChoice& work) override {
        linalg::choose_larger(on_card(), work, scratch_);
    }
    void choose_in_groups(const linalg::GroupChoice& work) override {
        linalg::choose_in_groups(on_card(), work);
    }
    void add_chosen(const linalg::ChosenSum& work) override { linalg::add_chosen(on_card(), work); }
    std::int64_t look_at_support(const linalg::SupportLook& work) override {
        return linalg::look_at_support(on_card(), work, scratch_);
    }
    void begin_refining(const linalg::RefinedRows& rows, const float* right) override {
        linalg::begin_refining(on_card(), rows, right);
    }
    void refine(const linalg::RefinedRows& rows) override { linalg::refine(on_card(), rows); }
    void row_products(const float* one, const float* other, std::int64_t rows, std::int64_t cols,
                      double* out) override {
        linalg::row_products(on_card(), one, other, rows, cols, out);
    }

    linalg::FarGroupKey make_group_key() override { return linalg::make_nccl_key(); }
    std::unique_ptr<linalg::FarGroup> join(const linalg::FarGroupKey& key, int rank,
                                           int ranks) override {
        return linalg::join_nccl_group(on_card(), key, rank, ranks);
    }

  private:
    linalg::FarAlgebra& algebra() {
        static_cast<void>(on_card());
        return algebra_;
    }
    /// The stream, once the thread that calls works on its card.
    cudaStream_t on_card() const {
        check_cuda(cudaSetDevice(card_), "cudaSetDevice");
        return stream_.get();
    }

    bool is_pinned(std::span<const std::byte> memory) const {
        return std::ranges::any_of(pinned_, [&](std::span<const std::byte> all) {
            return all.data() <= memory.data() &&
                   memory.data() + memory.size() <= all.data() + all.size();
        });
    }
    /// Waits for it.
    static void copy_pinned(cudaStream_t stream, void* to, const void* from, std::size_t bytes) {
        check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, stream), "cudaMemcpyAsync");
        check_cuda(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
    }

    int card_;
    device::Stream stream_;
    StagedCopy copies_;
    CardProducts products_;
    linalg::FarAlgebra algebra_;
    device::DeviceMemory wide_, scratch_;
    /// On its way to the host.
    struct Download {
        device::PinnedMemory room;
        std::span<std::byte> values;
        device::Event done = device::make_event();
    };
    std::array<Download, 2> downloads_;
    std::vector<std::span<std::byte>> pinned_;
};

}  // namespace
}  // namespace alphaprune::transformer::card

extern "C" alphaprune::transformer::card::ForwardLane* alphaprune_cuda_make_forward_lane(int card) {
    return new alphaprune::transformer::card::CudaForwardLane(card);
}
