#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "alphaprune/device/card_error.hpp"
#include "alphaprune/device/card_module.hpp"
#include "alphaprune/linalg/spectral_pipeline.hpp"
#include "alphaprune/support/clock.hpp"
#include "alphaprune/support/message.hpp"
#include "alphaprune/support/stop.hpp"
#include "checked_spectrum.hpp"
#include "cuda/spectrum_lane.hpp"
#include "gram.hpp"

namespace alphaprune::linalg {
namespace {

const support::Failure<std::string> kCardFailed{
    "linalg.card-failed", "the graphics card: {}",
    "its memory is too small or taken by others, or card, driver and libraries do not work "
    "together",
    "see whether other programs use the card (nvidia-smi), or leave it alone with --device none"};

LaneMatrix lane_matrix(const MatrixSource& matrix) {
    return {matrix.rows(), matrix.cols(), matrix.stored_type()};
}

void upload(SpectrumLane& lane, MatrixSource& matrix) {
    const auto row =
        static_cast<std::size_t>(matrix.cols()) * support::size_of(matrix.stored_type());
    for (std::int64_t begin = 0; begin < matrix.rows();) {
        const std::span<std::byte> room = lane.staging();
        const std::int64_t end =
            std::min(begin + static_cast<std::int64_t>(room.size() / row), matrix.rows());
        const std::size_t bytes = static_cast<std::size_t>(end - begin) * row;
        matrix.read_stored(begin, end, room.first(bytes));
        lane.upload(bytes);
        support::check_stop();
        begin = end;
    }
}

/// Of smaller matrices cuSOLVER is as quick.
constexpr std::int64_t kLeastOrderForBand = 256;

void find_eigenvalues(SpectrumLane& lane, const MatrixSource& matrix, std::span<double> out) {
    if (std::ssize(out) >= kLeastOrderForBand) {
        lane.eigenvalues(out);
        return;
    }
    const int info = lane.library_eigenvalues(out);
    try {
        require_success("cusolverDnXsyevd", info);
    } catch (const support::Error& error) {
        throw solver_failure(error, Solver::cuda, matrix.name());
    }
}

GramSpectrum spectrum_on(SpectrumLane& lane, MatrixSource& matrix) {
    GramSpectrum spectrum;
    support::Stopwatch watch;
    const GramShape shape = GramShape::of(matrix);
    lane.begin(lane_matrix(matrix));
    if (const auto made = matrix.generated()) {
        lane.generate(*made);
    } else {
        upload(lane, matrix);
    }
    const LaneGram gram = lane.gram();
    refuse_nonfinite(gram.nonfinite, matrix);
    spectrum.gram_seconds = watch.seconds();

    watch.restart();
    const GramMoments moments{gram.trace, gram.relative_frobenius_sq};
    refuse_overflow(moments, matrix.name());
    spectrum.eigenvalues.resize(static_cast<std::size_t>(shape.order));
    find_eigenvalues(lane, matrix, spectrum.eigenvalues);
    spectrum.eigenvalues =
        checked_spectrum(std::move(spectrum.eigenvalues), moments, Solver::cuda, matrix.name());
    spectrum.eig_seconds = watch.seconds();
    return spectrum;
}

/// A thread for each lane, which takes the matrices in the order in which they come.
class CudaPipeline : public SpectralPipeline {
  public:
    CudaPipeline(int card, int lanes) : card_(card), lanes_(lanes) {
        for (int lane = 0; lane < lanes; ++lane) {
            threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
        }
    }

    int capacity() const override { return lost_ ? 0 : lanes_; }

    void submit(std::int64_t id, std::unique_ptr<MatrixSource> matrix) override {
        {
            const std::scoped_lock lock(mutex_);
            waiting_.push_back({id, std::move(matrix)});
        }
        changed_.notify_all();
    }

    PipelineResult next() override {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return !done_.empty(); });
        PipelineResult result = std::move(done_.front());
        done_.pop_front();
        return result;
    }

  private:
    struct Job {
        std::int64_t id = 0;
        std::unique_ptr<MatrixSource> matrix;
    };

    void work(const std::stop_token& stop) {
        std::unique_ptr<SpectrumLane> lane;
        std::unique_lock lock(mutex_);
        while (changed_.wait(lock, stop, [&] { return !waiting_.empty(); }) &&
               !stop.stop_requested()) {
            const Job job = std::move(waiting_.front());
            waiting_.pop_front();
            lock.unlock();
            PipelineResult result = solve(job, lane);
            lock.lock();
            done_.push_back(std::move(result));
            changed_.notify_all();
        }
    }

    PipelineResult solve(const Job& job, std::unique_ptr<SpectrumLane>& lane) {
        const support::Stopwatch watch;
        PipelineResult result{.id = job.id};
        support::FirstError problem;
        problem.guard([&] {
            try {
                if (lost_) {
                    throw device::CardError(device::CardFault::lost, "it was lost before");
                }
                if (!lane) {
                    lane.reset(device::CardModule::get().function<MakeSpectrumLane>(
                        kMakeSpectrumLane)(card_));
                }
                result.spectrum = spectrum_on(*lane, *job.matrix);
            } catch (const device::CardError& error) {
                lost_ = lost_ || error.fault() == device::CardFault::lost;
                lane.reset();  // its memory may be what the others need
                throw kCardFailed(job.matrix->name(), error.what());
            }
        });
        result.error = problem.get();
        result.seconds = watch.seconds();
        return result;
    }

    int card_;
    int lanes_;
    std::atomic<bool> lost_ = false;
    std::mutex mutex_;  ///< of the next two
    std::deque<Job> waiting_;
    std::deque<PipelineResult> done_;
    std::condition_variable_any changed_;
    std::vector<std::jthread> threads_;  ///< the last member: they use the others
};

}  // namespace

std::unique_ptr<SpectralPipeline> make_cuda_pipeline(int card, int most,
                                                     const MatrixSource& largest) {
    const device::CardModule& module = device::CardModule::get();
    try {
        // What the context and the libraries take comes first, and is not free then.
        const std::uint64_t each =
            module.function<SpectrumLaneBytes>(kSpectrumLaneBytes)(card, lane_matrix(largest));
        const auto free = static_cast<double>(device::free_card_bytes(card));
        constexpr double kUsedShare = 0.9;
        const int lanes =
            static_cast<int>(std::min<double>(kUsedShare * free / static_cast<double>(each), most));
        return lanes < 1 ? nullptr : std::make_unique<CudaPipeline>(card, lanes);
    } catch (const device::CardError&) {
        return nullptr;
    }
}

}  // namespace alphaprune::linalg
