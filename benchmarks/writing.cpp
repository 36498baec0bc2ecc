// How fast a pruned model reaches the disk, and how that compares with plain pwrite and fsync of
// the same bytes by the same ranks into a file on the same disk.
//
// The tensors are those of LLaMA-7B blocks, bfloat16, their values made up. Both ways are timed in
// turn, several times, from the empty file to durable bytes; medians are compared, since disks are
// noisy. The checkpoint is written either from memory, or (--through-phase) by the phase that
// reads a model folder, prunes it by magnitude and writes it: the yardstick stays the writing
// alone. With --bitmask a share of the values is zero (--sparsity-ratio), and what is
// measured against is the dense checkpoint of the same model; rates count dense bytes.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/program_options.hpp>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "alphaprune/checkpoint/checkpoint_writer.hpp"
#include "alphaprune/checkpoint/hugging_face_writer.hpp"
#include "alphaprune/formats/bitmask.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/phases/prune_phase.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/support/file.hpp"
#include "measuring.hpp"
#include "mpi_main.hpp"

namespace {

using namespace alphaprune;
using namespace alphaprune::benchmark;
namespace fs = std::filesystem;

struct Request {
    std::string folder;
    std::string format;
    double gibibytes = 0;
    double ratio = 0;
    int repeat = 1;
    bool through_phase = false;
    bool bitmask = false;
    checkpoint::Storage storage = checkpoint::Storage::dense;
};

/// Nothing when only help was asked for (and printed, on the rank that `speaks`).
std::optional<Request> request_of(int argc, char** argv, bool speaks) {
    namespace po = boost::program_options;
    Request request;
    po::options_description options("writing, options (under any number of MPI ranks)");
    options.add_options()("help", "show this")(
        "gibibytes", po::value(&request.gibibytes)->default_value(1), "about so much is written")(
        "through-phase", po::bool_switch(&request.through_phase),
        "read a model folder and prune it, too")("sparsity-ratio",
                                                 po::value(&request.ratio)->default_value(0.7),
                                                 "with --through-phase or bitmask")(
        "bitmask", po::bool_switch(&request.bitmask),
        "write masks and values, compared with writing the same model dense")(
        "format", po::value(&request.format)->default_value("hdf5"), "or safetensors")(
        "folder", po::value(&request.folder)->default_value("."),
        "on the disk to measure; what is written is removed again")(
        "repeat", po::value(&request.repeat)->default_value(5), "the median of so many");
    if (!read_command_line(options, argc, argv, speaks)) {
        return std::nullopt;
    }
    if (request.format != "hdf5" && request.format != "safetensors") {
        throw bad_request(fmt::format("there is no format '{}'", request.format), "--format",
                          "give hdf5 or safetensors");
    }
    if (request.repeat < 1 || !(request.ratio >= 0 && request.ratio <= 1) ||
        !(request.gibibytes > 0 && request.gibibytes < 1e6)) {
        throw bad_request("a number is out of range", "command line",
                          "give --repeat 1 or more, --sparsity-ratio from 0 to 1, --gibibytes "
                          "above 0");
    }
    return request;
}

/// A folder of its own under the one that was named; rank 0 removes it with all that is in it.
class ScratchFolder {
  public:
    ScratchFolder(const parallel::Communicator& all, const fs::path& parent) : all_(all) {
        path_ = parallel::text_from_root(all, [&] {
            const fs::path own = parent / fmt::format("writing-benchmark.{}", ::getpid());
            std::error_code problem;
            if (!fs::create_directory(own, problem)) {
                throw bad_request("cannot make a folder: " + problem.message(), own.string(),
                                  "give a --folder that can be written to");
            }
            return own.string();
        });
    }
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    ~ScratchFolder() {
        if (all_.is_root()) {
            std::error_code ignored;
            fs::remove_all(path_, ignored);
        }
    }

    fs::path operator/(const char* name) const { return path_ / name; }

  private:
    const parallel::Communicator& all_;
    fs::path path_;
};

/// The tensors of LLaMA-7B blocks, one after another until there are so many bytes.
model::Catalogue catalogue_of(double bytes) {
    constexpr std::array<std::pair<const char*, Shape>, 7> kMatrices{{
        {"self_attn.q_proj", {4096, 4096}},
        {"self_attn.k_proj", {4096, 4096}},
        {"self_attn.v_proj", {4096, 4096}},
        {"self_attn.o_proj", {4096, 4096}},
        {"mlp.gate_proj", {11008, 4096}},
        {"mlp.up_proj", {11008, 4096}},
        {"mlp.down_proj", {4096, 11008}},
    }};
    std::vector<model::TensorInfo> tensors;
    double so_far = 0;
    for (int block = 0; so_far < bytes; ++block) {
        for (const auto& [name, shape] : kMatrices) {
            if (so_far < bytes) {
                model::TensorInfo& tensor = tensors.emplace_back();
                tensor.name = fmt::format("model.layers.{}.{}.weight", block, name);
                tensor.type = support::ScalarType::bfloat16;
                tensor.shape = {shape.rows, shape.cols};
                so_far += static_cast<double>(tensor.bytes());
            }
        }
    }
    model::Catalogue catalogue =
        model::make_catalogue("nowhere/nothing", "writing-benchmark",
                              "{\"model_type\": \"benchmark\"}\n", std::move(tensors));
    catalogue.auxiliary_files.emplace();
    return catalogue;
}

/// One rank's rows of every tensor.
class Shares {
  public:
    /// @param zeros  share of the values
    Shares(const parallel::Communicator& all, const model::Catalogue& catalogue, double zeros) {
        for (const model::TensorInfo& tensor : catalogue.tensors) {
            rows_.push_back(parallel::share_of(tensor.rows(), all.size(), all.rank()));
            const auto first = static_cast<std::uint64_t>(rows_.back().begin) * tensor.row_bytes();
            offsets_.push_back(end_ + first);
            end_ += tensor.bytes();
            bytes_.push_back(made_up(tensor, rows_.back(), offsets_.back(), zeros));
        }
    }

    /// Calls use(tensor, rows, bytes, offset in a file that holds nothing else).
    template <class Use>
    void for_each(Use use) const {
        for (std::size_t t = 0; t < rows_.size(); ++t) {
            use(static_cast<int>(t), rows_[t], std::span<const std::byte>(bytes_[t]), offsets_[t]);
        }
    }

  private:
    /// The sum of the four bytes of a hash: bell-shaped, as weights are.
    static std::vector<std::byte> made_up(const model::TensorInfo& tensor, parallel::RowRange rows,
                                          std::uint64_t seed, double zeros) {
        const auto share = static_cast<std::uint64_t>(zeros * 0x1p32);
        std::vector<std::byte> stored(static_cast<std::size_t>(rows.size()) * tensor.row_bytes());
        for (std::size_t at = 0; at < stored.size(); at += 2) {
            std::uint64_t x = (seed + at) * 0x9e3779b97f4a7c15ULL;
            x = (x ^ (x >> 32)) * 0xbf58476d1ce4e5b9ULL;
            x ^= x >> 29;
            const auto sum = static_cast<int>((x & 0xFF) + (x >> 8 & 0xFF) + (x >> 16 & 0xFF) +
                                              (x >> 24 & 0xFF));
            const float value = 1e-4F * (static_cast<float>(sum - 510) +
                                         static_cast<float>(x >> 56) * (1.0F / 256));
            const bool is_zero = (x * 0xd6e8feb86659fd93ULL >> 32) < share;
            const std::uint16_t bits = is_zero ? 0 : support::float_to_bfloat16(value);
            std::memcpy(stored.data() + at, &bits, sizeof bits);
        }
        return stored;
    }

    std::vector<parallel::RowRange> rows_;
    std::vector<std::uint64_t> offsets_;
    std::vector<std::vector<std::byte>> bytes_;
    std::uint64_t end_ = 0;
};

void write_plainly(const parallel::Communicator& all, const Shares& shares, const fs::path& path) {
    parallel::run_collectively(all, [&] {
        if (all.is_root()) {
            support::File::create(path);
        }
    });
    parallel::run_collectively(all, [&] {
        support::File file = support::File::open_for_writing(path);
        shares.for_each([&](int, parallel::RowRange, std::span<const std::byte> bytes,
                            std::uint64_t at) { file.write_at(at, bytes); });
        file.sync();
    });
}

/// Rows go to a writer.
template <class Writer>
class RowsTo : public phases::TensorStore {
  public:
    explicit RowsTo(Writer& writer) : writer_(writer) {}
    void announce(int tensor, parallel::RowRange rows, std::uint64_t values) override {
        writer_.announce(tensor, rows, values);
    }
    void write_rows(const resume::WrittenRows& rows, std::span<const std::byte> bytes) override {
        writer_.write_rows(rows.tensor, rows.rows, bytes);
    }

  private:
    Writer& writer_;
};

/// Opens a writer of the format, lets `fill(store)` write every tensor and finishes.
template <class Fill>
void write_model(const parallel::Communicator& all, const model::Catalogue& catalogue,
                 const Request& request, const fs::path& path, Fill fill) {
    if (request.format == "hdf5") {
        checkpoint::CheckpointWriter writer(all, catalogue, path, {.storage = request.storage});
        RowsTo store(writer);
        fill(store);
        writer.finish(std::vector<checkpoint::TensorSummary>(catalogue.tensors.size()));
    } else {
        checkpoint::HuggingFaceWriter writer(all, catalogue, path, {},
                                             {.storage = request.storage});
        RowsTo store(writer);
        fill(store);
        writer.finish();
    }
}

void write_from_memory(const parallel::Communicator& all, const model::Catalogue& catalogue,
                       const Shares& shares, const Request& request, const fs::path& path) {
    write_model(all, catalogue, request, path, [&](phases::TensorStore& store) {
        support::FirstError problem;
        shares.for_each([&](int t, parallel::RowRange rows, auto bytes, auto) {
            if (request.storage == checkpoint::Storage::bitmask) {
                store.announce(t, rows, formats::count_values(bytes, sizeof(std::uint16_t)));
            }
            problem.guard([&] { store.write_rows({t, rows, {}}, bytes); });
        });
        parallel::agree(all, problem.get());
    });
}

void write_through_phase(const parallel::Communicator& all, const model::Catalogue& catalogue,
                         const Request& request, const fs::path& path) {
    const std::vector<pruning::PruneTarget> targets(catalogue.matrices.size(), {request.ratio, {}});
    const pruning::Pruner& magnitude = *pruning::find_pruner("magnitude");
    write_model(all, catalogue, request, path, [&](phases::TensorStore& store) {
        phases::prune_model(all, parallel::NodeMap(all), catalogue, {magnitude, {}, targets, {}},
                            store, {});
    });
}

/// Wall time of the slowest rank, processor time of all together, once the disk is at rest.
///
/// A virtual machine gives memory that it does not use back to its host, and fetching it again
/// takes longer than a disk does: `last`, what was written before, goes only now, so that its pages
/// are there to be taken.
template <class Write>
Seconds seconds_of(const parallel::Communicator& all, const fs::path& last, Write write) {
    if (all.is_root()) {
        ::sync();
        fs::remove_all(last);
    }
    all.barrier();
    const Seconds mine = time_of(write);
    return {all.max(mine.wall), all.sum(mine.processor)};
}

/// The same work several times.
class Timings {
  public:
    void add(Seconds seconds) {
        walls_.push_back(seconds.wall);
        processors_.push_back(seconds.processor);
    }
    double wall() const { return median(walls_); }
    double best_wall() const { return *std::ranges::min_element(walls_); }
    double processor() const { return median(processors_); }

  private:
    std::vector<double> walls_;
    std::vector<double> processors_;
};

std::uint64_t bytes_in(const fs::path& path) {
    std::uint64_t bytes = fs::is_directory(path) ? 0 : fs::file_size(path);
    if (bytes == 0) {
        for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
            bytes += entry.file_size();
        }
    }
    return bytes;
}

/// Masks and values in turn with the same model dense, and what they take of its bytes.
void measure_bitmask(const parallel::Communicator& all, Request request) {
    const ScratchFolder scratch(all, request.folder);
    const model::Catalogue catalogue = catalogue_of(request.gibibytes * std::ldexp(1.0, 30));
    const Shares shares(all, catalogue, request.ratio);
    Timings masked;
    Timings dense;
    double size = 0;
    for (int i = 0; i <= request.repeat; ++i) {  // the first finds a file system that is not warm
        request.storage = checkpoint::Storage::bitmask;
        const Seconds ours = seconds_of(all, scratch / "dense", [&] {
            write_from_memory(all, catalogue, shares, request, scratch / "masked");
        });
        all.barrier();
        size = all.is_root() ? static_cast<double>(bytes_in(scratch / "masked")) : 0;
        request.storage = checkpoint::Storage::dense;
        const Seconds plain = seconds_of(all, scratch / "masked", [&] {
            write_from_memory(all, catalogue, shares, request, scratch / "dense");
        });
        if (i > 0) {
            masked.add(ours);
            dense.add(plain);
        }
    }
    const auto bytes = static_cast<double>(catalogue.bytes());
    if (all.is_root()) {
        fmt::print(
            "{{\"format\": \"{}\", \"storage\": \"bitmask\", \"sparsity_ratio\": {}, \"bytes\": "
            "{:.0f}, \"ranks\": {}, \"repeat\": {}, \"seconds\": {:.4f}, \"dense_seconds\": "
            "{:.4f}, "
            "\"rate\": {:.0f}, \"dense_rate\": {:.0f}, \"ratio\": {:.3f}, \"size\": {:.4f}}}\n",
            request.format, request.ratio, bytes, all.size(), request.repeat, masked.wall(),
            dense.wall(), bytes / masked.wall(), bytes / dense.wall(), dense.wall() / masked.wall(),
            size / bytes);
        std::fflush(stdout);
    }
}

void measure(const parallel::Communicator& all, const Request& request) {
    if (request.bitmask) {
        measure_bitmask(all, request);
        return;
    }
    const ScratchFolder scratch(all, request.folder);
    model::Catalogue catalogue = catalogue_of(request.gibibytes * std::ldexp(1.0, 30));
    const Shares shares(all, catalogue, 0);
    if (request.through_phase) {
        Request input;
        input.format = "safetensors";
        write_from_memory(all, catalogue, shares, input, scratch / "model");
        catalogue = parallel::run_collectively(
            all, [&] { return model::read_catalogue(scratch / "model"); });
    }
    Timings ours;
    Timings plain;
    write_plainly(all, shares, scratch / "plain");
    for (int i = 0; i < request.repeat; ++i) {
        ours.add(seconds_of(all, scratch / "plain", [&] {
            request.through_phase
                ? write_through_phase(all, catalogue, request, scratch / "out")
                : write_from_memory(all, catalogue, shares, request, scratch / "out");
        }));
        plain.add(seconds_of(all, scratch / "out",
                             [&] { write_plainly(all, shares, scratch / "plain"); }));
    }
    const auto bytes = static_cast<double>(catalogue.bytes());
    if (all.is_root()) {
        fmt::print(
            "{{\"format\": \"{}\", \"through_phase\": {}, \"bytes\": {:.0f}, \"ranks\": {}, "
            "\"repeat\": {}, \"seconds\": {:.4f}, \"plain_seconds\": {:.4f}, "
            "\"processor_seconds\": {:.4f}, \"plain_processor_seconds\": {:.4f}, \"rate\": "
            "{:.0f}, \"plain_rate\": {:.0f}, \"ratio\": {:.3f}, \"ratio_of_best\": {:.3f}}}\n",
            request.format, request.through_phase, bytes, all.size(), request.repeat, ours.wall(),
            plain.wall(), ours.processor(), plain.processor(), bytes / ours.wall(),
            bytes / plain.wall(), plain.wall() / ours.wall(), plain.best_wall() / ours.best_wall());
        std::fflush(stdout);
    }
}

}  // namespace

int main(int argc, char** argv) {
    return mpi_main(argc, argv, request_of, measure);
}
