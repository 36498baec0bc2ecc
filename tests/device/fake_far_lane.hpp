#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <thread>
#include <type_traits>
#include <vector>

#include "cuda/forward_lane.hpp"
#include "fake_algebra.hpp"
#include "fake_arithmetic.hpp"
#include "fake_choices.hpp"
#include "fake_faults.hpp"
#include "fake_group.hpp"
#include "fake_memory.hpp"
#include "fake_refining.hpp"
#include "fake_sweep.hpp"
#include "fake_values.hpp"

/// Memory of the made-up card and linear algebra on it.
class FakeFarLane : public alphaprune::transformer::card::ForwardLane {
  public:
    using CardError = alphaprune::device::CardError;
    using CardFault = alphaprune::device::CardFault;
    using ScalarType = alphaprune::support::ScalarType;

    void* allocate(std::size_t bytes) override {
        return work("allocate", [&](TouchedMemory& /*memory*/) {
            if (is_due("FAKE_CARD_FORWARD_FULL")) {
                throw CardError(CardFault::out_of_memory, "made up: out of memory");
            }
            return memory_.allocate(bytes);
        });
    }
    void release(void* memory) override {
        work("release", [&](TouchedMemory& /*memory*/) { memory_.release(memory); });
    }
    void* allocate_on_host(std::size_t bytes) override {
        return work("allocate_on_host",
                    [&](TouchedMemory& /*memory*/) { return memory_.allocate(bytes); });
    }
    void release_on_host(void* memory) override {
        work("release_on_host", [&](TouchedMemory& /*memory*/) { memory_.release(memory); });
    }
    void pin(std::span<std::byte> memory) override {
        work("pin", [&](TouchedMemory& touched) {
            pinned_.push_back(memory);
            touched.expect(
                std::ranges::count(pinned_, memory.data(), &std::span<std::byte>::data) == 1,
                "memory that is pinned already");
        });
    }
    void unpin(std::span<std::byte> memory) override {
        work("unpin", [&](TouchedMemory& touched) {
            touched.expect(std::erase_if(pinned_,
                                         [&](std::span<std::byte> one) {
                                             return one.data() == memory.data() &&
                                                    one.size() == memory.size();
                                         }) == 1,
                           "memory that is not pinned");
            for (const std::byte* byte = memory.data(); byte < memory.data() + memory.size();
                 byte += 4096) {  // it must still be there
                static_cast<void>(*static_cast<const volatile std::byte*>(byte));
            }
        });
    }
    void upload(void* to, std::span<const std::byte> from) override {
        work("upload", [&](TouchedMemory& memory) {
            memory.writes_stored(to, std::ssize(from), 1, "to");
            std::copy(from.begin(), from.end(), static_cast<std::byte*>(to));
        });
    }
    void upload_as(void* to, ScalarType type, std::span<const float> from) override {
        work("upload_as", [&](TouchedMemory& memory) {
            const std::size_t size = stored_size(type);
            memory.writes_stored(to, std::ssize(from), size, "to");
            for (std::size_t i = 0; i < from.size(); ++i) {
                const std::uint32_t bits =
                    narrowed_to(type, from[i]);  // its lower bytes come first
                std::memcpy(static_cast<std::byte*>(to) + i * size, &bits, size);
            }
        });
    }
    void download(std::span<std::byte> to, const void* from) override {
        work("download", [&](TouchedMemory& memory) {
            memory.reads_stored(from, std::ssize(to), 1, "from");
            std::copy_n(static_cast<const std::byte*>(from), to.size(), to.begin());
        });
    }
    void begin_download(int turn, const void* from, std::size_t bytes) override {
        auto& room = downloads_.at(static_cast<std::size_t>(turn));
        room.resize(bytes);
        download(room, from);
    }
    std::span<const std::byte> finish_download(int turn) override {
        return downloads_.at(static_cast<std::size_t>(turn));
    }
    void copy(void* to, const void* from, std::size_t bytes) override {
        work("copy", [&](TouchedMemory& memory) {
            memory.writes_stored(to, static_cast<std::int64_t>(bytes), 1, "to");
            memory.reads_stored(from, static_cast<std::int64_t>(bytes), 1, "from");
            memory.end();
            std::copy_n(static_cast<const std::byte*>(from), bytes, static_cast<std::byte*>(to));
        });
    }
    void clear(void* to, std::size_t bytes) override {
        work("clear", [&](TouchedMemory& memory) {
            memory.writes_stored(to, static_cast<std::int64_t>(bytes), 1, "to");
            std::fill_n(static_cast<std::byte*>(to), bytes, std::byte{0});
        });
    }
    void wait() override {
        work("wait", [](TouchedMemory& /*memory*/) {});
    }

    void add(const alphaprune::linalg::Addition& given) override {
        work("add", [&](TouchedMemory& memory) { add_scaled(given, memory); });
    }
    void widen(const void* stored, ScalarType type, std::int64_t count, float* to) override {
        work("widen",
             [&](TouchedMemory& memory) { widen_values(stored, type, count, to, memory); });
    }
    std::int64_t narrow(const float* from, std::int64_t count, ScalarType type,
                        void* stored) override {
        return work("narrow", [&](TouchedMemory& memory) {
            return narrow_values(from, count, type, stored, memory);
        });
    }
    void round_to_float(const double* from, std::int64_t count, double factor, float* to) override {
        work("round_to_float",
             [&](TouchedMemory& memory) { round_doubles(from, count, factor, to, memory); });
    }
    std::int64_t count_not_finite(const double* values, std::int64_t count) override {
        return work("count_not_finite",
                    [&](TouchedMemory& memory) { return not_finite_among(values, count, memory); });
    }
    void diagonal(const double* matrix, std::span<double> out) override {
        work("diagonal", [&](TouchedMemory& memory) { copy_diagonal(matrix, out, memory); });
    }
    void scale_columns(float* values, std::int64_t rows, std::span<const float> scale,
                       bool divide) override {
        work("scale_columns",
             [&](TouchedMemory& memory) { scale_by_column(values, rows, scale, divide, memory); });
    }
    void clear_columns(float* values, std::int64_t rows,
                       std::span<const std::uint8_t> which) override {
        work("clear_columns",
             [&](TouchedMemory& memory) { clear_by_column(values, rows, which, memory); });
    }
    void make_scaled(const alphaprune::linalg::ScaledSums& given, float* out) override {
        work("make_scaled", [&](TouchedMemory& memory) { fill_scaled(given, out, memory); });
    }
    bool factor(const alphaprune::linalg::ScaledSums& given, bool reversed, double* out) override {
        return work("factor", [&](TouchedMemory& memory) {
            return cholesky_factor(given, reversed, out, memory);
        });
    }
    void invert_reversed(double* lower, std::int64_t order, float* out) override {
        work("invert_reversed",
             [&](TouchedMemory& memory) { invert_factor(lower, order, out, memory); });
    }
    void invert(double* lower, std::int64_t order, float* out) override {
        work("invert", [&](TouchedMemory& memory) { invert_whole(lower, order, out, memory); });
    }
    void multiply_add(const alphaprune::linalg::MatrixProduct& given) override {
        work("multiply_add", [&](TouchedMemory& memory) { add_matrix_product(given, memory); });
    }
    void score(const alphaprune::linalg::PanelScores& given) override {
        work("score", [&](TouchedMemory& memory) { score_panel(given, memory); });
    }
    void count_magnitudes(const alphaprune::linalg::MagnitudeCount& given) override {
        work("count_magnitudes", [&](TouchedMemory& memory) { count_by_bits(given, memory); });
    }
    void sweep(const alphaprune::linalg::PanelSweep& given) override {
        work("sweep", [&](TouchedMemory& memory) { sweep_panel(given, memory); });
    }
    void choose_larger(const alphaprune::linalg::LargerChoice& given) override {
        work("choose_larger", [&](TouchedMemory& memory) { choose_above(given, memory); });
    }
    void choose_in_groups(const alphaprune::linalg::GroupChoice& given) override {
        work("choose_in_groups", [&](TouchedMemory& memory) { choose_by_group(given, memory); });
    }
    void add_chosen(const alphaprune::linalg::ChosenSum& given) override {
        work("add_chosen", [&](TouchedMemory& memory) { sum_chosen(given, memory); });
    }
    std::int64_t look_at_support(const alphaprune::linalg::SupportLook& given) override {
        return work("look_at_support",
                    [&](TouchedMemory& memory) { return take_support(given, memory); });
    }
    void begin_refining(const alphaprune::linalg::RefinedRows& rows, const float* right) override {
        work("begin_refining", [&](TouchedMemory& memory) { begin_rows(rows, right, memory); });
    }
    void refine(const alphaprune::linalg::RefinedRows& rows) override {
        work("refine", [&](TouchedMemory& memory) { refine_rows(rows, memory); });
    }
    void row_products(const float* one, const float* other, std::int64_t rows, std::int64_t cols,
                      double* out) override {
        work("row_products",
             [&](TouchedMemory& memory) { multiply_rows(one, other, rows, cols, out, memory); });
    }

    alphaprune::linalg::FarGroupKey make_group_key() override {
        if (told("FAKE_CARD_GROUPS") == -1) {
            throw CardError(CardFault::refused, "made up: no groups");
        }
        return make_fake_key();
    }
    std::unique_ptr<alphaprune::linalg::FarGroup> join(const alphaprune::linalg::FarGroupKey& key,
                                                       int rank, int ranks) override {
        if (told("FAKE_CARD_GROUPS") == -2) {
            throw CardError(CardFault::refused, "made up: no way to the other cards");
        }
        return join_fake_group(key, rank, ranks);
    }

  protected:
    /// Does it, unless an earlier fault or another thread is in the way.
    template <class Work>
    std::invoke_result_t<Work, TouchedMemory&> work(const char* name, const Work& does) {
        if (is_broken_) {
            throw *is_broken_;
        }
        TouchedMemory memory(memory_, name);
        try {
            thread_ = thread_.value_or(std::this_thread::get_id());
            memory.expect(std::this_thread::get_id() == *thread_, "called by a second thread");
            return does(memory);
        } catch (const CardError& error) {
            if (error.fault() != CardFault::out_of_memory) {  // smaller work may fit
                is_broken_ = error;
            }
            throw;
        }
    }

  private:
    CardMemory memory_;
    std::array<std::vector<std::byte>, 2> downloads_;
    std::vector<std::span<std::byte>> pinned_;
    std::optional<CardError> is_broken_;
    std::optional<std::thread::id> thread_;
};
