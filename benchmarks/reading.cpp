// How fast weights come from a disk, against plain pread of the same file from end to end in pieces
// of 8 MiB, each from a cold cache:
// - "ahead": read by a rank after it had said that it will need them, and as much time had gone by
//   as plain reading takes;
// - "long pieces": by one rank of a group that goes through the columns as the solver two_stage
//   does, keeping strips of its rows; "short pieces": the same without keeping any.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "alphaprune/model/weight_reader.hpp"
#include "command_line.hpp"
#include "measuring.hpp"

namespace {

using namespace alphaprune;
using namespace alphaprune::benchmark;

/// One bfloat16 matrix, written to a file of its own.
model::Catalogue one_matrix(const std::filesystem::path& folder, const Shape& shape) {
    model::Catalogue catalogue;
    catalogue.folder = folder;
    catalogue.shards = {"alphaprune-benchmark-reading"};
    catalogue.tensors.push_back(
        {"matrix", support::ScalarType::bfloat16, {shape.rows, shape.cols}, 0, 0, 0});
    catalogue.matrices.push_back({0, 0, shape.rows, shape.cols});
    std::vector<char> row(static_cast<std::size_t>(shape.cols) * 2, 'a');
    std::ofstream file(folder / catalogue.shards[0], std::ios::binary);
    for (std::int64_t r = 0; r < shape.rows; ++r) {
        file.write(row.data(), std::ssize(row));
    }
    if (!file.flush()) {
        throw support::Error(support::ExitStatus::failed,
                             {{"writing failed", folder.string(), "choose another --folder"}});
    }
    return catalogue;
}

std::filesystem::path file_of(const model::Catalogue& catalogue) {
    return catalogue.folder / catalogue.shards[0];
}

/// Out of the system's cache, into which it would come again.
void drop_from_cache(const model::Catalogue& catalogue) {
    const int file = open(file_of(catalogue).c_str(), O_RDONLY);
    fsync(file);
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    close(file);
}

double seconds_plain(const model::Catalogue& catalogue) {
    drop_from_cache(catalogue);
    const support::File file = support::File::open_for_reading(file_of(catalogue));
    std::vector<std::byte> piece(std::size_t{8} << 20);
    return time_of([&] {
               for (std::uint64_t at = 0; at < catalogue.bytes(); at += piece.size()) {
                   const std::uint64_t left = catalogue.bytes() - at;
                   file.read_at(
                       at, std::span(piece).first(std::min<std::uint64_t>(left, piece.size())));
               }
           })
        .wall;
}

constexpr std::int64_t kPieceRows = 128;

double seconds_ahead(const model::Catalogue& catalogue, double plain) {
    drop_from_cache(catalogue);
    model::WeightReader reader(catalogue);
    const model::NeededRows all{catalogue.tensors[0], {0, catalogue.tensors[0].rows()}};
    reader.will_need(std::span(&all, 1));
    std::this_thread::sleep_for(std::chrono::duration<double>(plain));
    const model::TensorInfo& tensor = catalogue.tensors[0];
    std::vector<std::byte> rows(kPieceRows * tensor.row_bytes());
    return time_of([&] {
               for (std::int64_t row = 0; row < tensor.rows(); row += kPieceRows) {
                   const parallel::RowRange some{row, std::min(row + kPieceRows, tensor.rows())};
                   reader.read_rows(tensor, some,
                                    std::span(rows).first(static_cast<std::size_t>(some.size()) *
                                                          tensor.row_bytes()));
               }
           })
        .wall;
}

/// The first rank's rows: of every so many, 192.
double seconds_by_columns(const model::Catalogue& catalogue, int ranks, bool keeps_strips) {
    constexpr std::int64_t kRows = 192;
    constexpr std::int64_t kCols = 384;
    drop_from_cache(catalogue);
    model::WeightReader reader(catalogue);
    const model::MatrixInfo& matrix = catalogue.matrices[0];
    const auto source = model::make_matrix_source(reader, matrix, false, keeps_strips ? ranks : 1);
    std::vector<float> values(kRows * kCols);
    return time_of([&] {
               for (std::int64_t col = 0; col < matrix.cols; col += kCols) {
                   for (std::int64_t row = 0; row < matrix.rows; row += ranks * kRows) {
                       const linalg::Rectangle part{row, std::min(row + kRows, matrix.rows), col,
                                                    std::min(col + kCols, matrix.cols)};
                       source->read_single(
                           part, std::span(values).first(static_cast<std::size_t>(part.size())));
                   }
               }
           })
        .wall;
}

void measure(const model::Catalogue& catalogue, int ranks) {
    const double plain = seconds_plain(catalogue);
    const double share = plain / ranks;
    const auto print = [&](const char* how, double seconds, double plainly) {
        fmt::print(
            "{{\"benchmark\": \"reading\", \"how\": \"{}\", \"ranks\": {}, \"seconds\": {:.3f}, "
            "\"plain_seconds\": {:.3f}, \"ratio\": {:.2f}}}\n",
            how, ranks, seconds, plainly, seconds / plainly);
        std::fflush(stdout);
    };
    print("ahead", seconds_ahead(catalogue, plain), plain);
    print("long pieces", seconds_by_columns(catalogue, ranks, true), share);
    print("short pieces", seconds_by_columns(catalogue, ranks, false), share);
}

}  // namespace

int main(int argc, char** argv) {
    std::string shape = "8192x28672";
    std::string folder = ".";
    int ranks = 4;
    namespace po = boost::program_options;
    po::options_description options("reading, options");
    options.add_options()("help", "this text")("shape", po::value(&shape), "of the matrix")(
        "ranks", po::value(&ranks), "of a group")("folder", po::value(&folder),
                                                  "on the file system to be measured");
    try {
        if (read_command_line(options, argc, argv, true)) {
            const model::Catalogue catalogue = one_matrix(folder, shape_of(shape));
            measure(catalogue, ranks);
            std::filesystem::remove(file_of(catalogue));
        }
    } catch (const support::Error& error) {
        std::cerr << error.what();
        return static_cast<int>(error.status());
    }
    return 0;
}
