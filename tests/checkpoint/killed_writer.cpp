// Writes the sample model as checkpoint.h5 and hf/, taking over what an earlier run has left: the
// tensors whose rows are there are kept. After so many microseconds one of the ranks is killed.
//   killed_writer FOLDER MICROSECONDS      0: never
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <thread>

#include "alphaprune/checkpoint/hugging_face_writer.hpp"
#include "alphaprune/parallel/runtime.hpp"
#include "alphaprune/support/error.hpp"
#include "checkpoint/sample_checkpoint.hpp"
#include "support/keep_plugins.hpp"
#include "support/world.hpp"

namespace alphaprune::test {
namespace {

void kill_after(long microseconds) {
    if (microseconds == 0) {
        return;
    }
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGKILL;
    timer_t timer{};
    const itimerspec when{{}, {microseconds / 1'000'000, microseconds % 1'000'000 * 1000}};
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 ||
        timer_settime(timer, 0, &when, nullptr) != 0) {
        std::abort();
    }
}

/// Whether this rank's rows are in place.
template <class Writer>
bool is_there(const Writer& writer, std::size_t tensor, parallel::RowRange rows,
              std::span<const std::byte> expected) {
    std::vector<std::byte> bytes(expected.size());
    writer.read_rows(static_cast<int>(tensor), rows, bytes);
    return std::ranges::equal(bytes, expected);
}

void keep_rows(checkpoint::CheckpointWriter&, int, parallel::RowRange) {}
void keep_rows(checkpoint::HuggingFaceWriter& writer, int tensor, parallel::RowRange rows) {
    writer.keep_rows(tensor, rows);
}

template <class Writer>
void write_missing(Writer& writer, const SampleModel& model) {
    for (std::size_t t = 0; t < model.bytes.size(); ++t) {
        const parallel::RowRange mine =
            parallel::share_of(model.catalogue.tensors[t].rows(), world().size(), world().rank());
        const auto expected = bytes_of(model, t, mine);
        if (writer.resumed() && is_there(writer, t, mine, expected)) {
            keep_rows(writer, static_cast<int>(t), mine);
            continue;
        }
        for (std::int64_t row = mine.begin; row < mine.end; ++row) {
            std::this_thread::sleep_for(std::chrono::microseconds(200));
            writer.write_rows(static_cast<int>(t), {row, row + 1},
                              bytes_of(model, t, {row, row + 1}));
        }
        writer.sync_rows();
    }
}

void write_model(const std::filesystem::path& folder) {
    const SampleModel model = sample_model();
    const checkpoint::PartialFile partial{
        .resume = true, .keep = true, .created = "2024-01-31T12:00:00Z"};
    checkpoint::CheckpointWriter checkpoint(world(), model.catalogue, folder / "checkpoint.h5",
                                            partial);
    checkpoint::HuggingFaceWriter hf(world(), model.catalogue, folder / "hf", {}, partial, 200);
    write_missing(checkpoint, model);
    write_missing(hf, model);
    auto eigenvalues = model.eigenvalues;
    if (!world().is_root()) {
        eigenvalues.assign(3, {});
    }
    checkpoint.write_spectra(eigenvalues);
    checkpoint.write_metric(spectrum::Metric::alpha_mid, model.alphas);
    checkpoint.finish(model.summaries);
    hf.finish();
}

}  // namespace
}  // namespace alphaprune::test

int main(int argc, char** argv) {
    const alphaprune::parallel::MpiRuntime runtime(argc, argv);
    if (argc != 3) {
        return 2;
    }
    const auto& ranks = alphaprune::test::world();
    const long microseconds = std::atol(argv[2]);
    ranks.barrier();
    if (ranks.rank() == microseconds % ranks.size()) {
        alphaprune::test::kill_after(microseconds);
    }
    try {
        alphaprune::test::write_model(argv[1]);
    } catch (const alphaprune::support::Error& error) {
        std::fputs(error.what(), stderr);
        return 1;
    }
    return 0;
}
