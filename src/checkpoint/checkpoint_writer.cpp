#include "alphaprune/checkpoint/checkpoint_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <optional>
#include <system_error>
#include <utility>

#include "alphaprune/model/companions.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/clock.hpp"
#include "alphaprune/support/file.hpp"
#include "checkpoint_layout.hpp"
#include "collective_calls.hpp"
#include "hdf5_attribute.hpp"
#include "hdf5_dataset.hpp"
#include "hdf5_file.hpp"
#include "hdf5_type.hpp"
#include "stored_file.hpp"

namespace alphaprune {
namespace {

/// A name for a message: a zero byte would end the message early.
std::string printable(std::string name) {
    std::ranges::replace(name, '\0', '?');
    return name;
}

/// HDF5 reads '/' and '.' in a link name as steps of a path, and ends it at a zero byte.
void require_usable_names(const Catalogue& catalogue) {
    FaultList faults;
    for (const TensorInfo& tensor : catalogue.tensors) {
        const std::string& name = tensor.name;
        if (name.empty() || name == "." ||
            name.find_first_of(std::string_view("/\0", 2)) != std::string::npos) {
            faults.add(fmt::format("the tensor name '{}' cannot be a name in an HDF5 file",
                                   printable(name)),
                       catalogue.folder.string(),
                       "rename the tensor: no '/', no zero byte, neither empty nor '.'");
        }
    }
    faults.throw_if_any();
}

/// Rank 0 makes the empty file, for the system's own words when it cannot, and every rank looks for
/// it: on nodes that do not share the folder MPI-IO would make a file each.
void prepare_file(const Communicator& ranks, const std::filesystem::path& partial) {
    together(ranks, [&] {
        if (ranks.is_root()) {
            std::error_code ignored;
            std::filesystem::remove(partial, ignored);  // of an earlier run that was killed
            File::create(partial);
        }
    });
    together(ranks, [&] {
        std::error_code problem;
        if (!std::filesystem::exists(partial, problem)) {
            throw failure("this rank does not see the file that rank 0 has just made",
                          partial.string(),
                          "choose an --output on a file system that all nodes share");
        }
    });
}

/// The same error, with the rows that were being written.
Error naming_rows(const Error& error, const std::string& object, RowRange rows) {
    std::vector<Fault> faults = error.faults();
    for (Fault& fault : faults) {
        fault.what =
            fmt::format("writing rows {} to {} failed: {}", rows.begin, rows.end - 1, fault.what);
        fault.where = fmt::format("{}: {}", fault.where, object);
    }
    return {error.status(), std::move(faults)};
}

}  // namespace

struct CheckpointWriter::State {
    State(const Communicator& all, const Catalogue& catalogue, const std::filesystem::path& path)
        : ranks(all.duplicate()),
          final_path(path),
          place(Hdf5Place::writing(partial_name(path))),
          tensors(catalogue.tensors) {
        for (const MatrixInfo& matrix : catalogue.matrices) {
            matrix_names.push_back(catalogue.name_of(matrix));
        }
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
        close_groups();
        file.close();
        if (!finished && ranks.is_root()) {
            std::error_code ignored;
            std::filesystem::remove(place.file(), ignored);
        }
    }

    void close_groups() {
        for (Hdf5Handle* group : {&tensor_group, &spectrum_group, &metric_group}) {
            group->close();
        }
    }

    void create_structure(const Catalogue& catalogue);
    void create_tensors();
    void write_root(const Catalogue& catalogue);
    void write_model_files(const Catalogue& catalogue);
    void write_configuration(const Hdf5Handle& group, const std::string& text);
    void write_summary(std::size_t position, const TensorSummary& summary);
    void close_file();

    /// The whole of a float64 vector, written by one rank after all have created it.
    Hdf5Handle create_vector(const Hdf5Handle& group, const char* link, std::size_t size,
                             std::string_view object) {
        const auto extent = static_cast<std::int64_t>(size);
        return create_dataset(place, group.id(), link, H5T_IEEE_F64LE, std::span(&extent, 1),
                              object);
    }
    void fill_vector(const Hdf5Handle& dataset, std::span<const double> values,
                     std::string_view object) {
        const auto extent = static_cast<std::int64_t>(values.size());
        if (extent > 0) {
            alphaprune::write_rows(place, {dataset.id(), object}, H5T_NATIVE_DOUBLE,
                                   std::span(&extent, 1), {0, 1}, std::as_bytes(values));
        }
    }

    Communicator ranks;
    std::filesystem::path final_path;
    Hdf5Place place;
    std::vector<TensorInfo> tensors;
    std::vector<std::string> matrix_names;
    Hdf5Handle file;
    std::vector<std::uint64_t> first_bytes;  ///< of each tensor, in the file
    /// The same file. Rows are plain bytes at a known place: they go there past the library, which
    /// may be called by one thread only and would not set the disk to work before the end.
    std::optional<File> row_file;
    Hdf5Handle tensor_group;
    Hdf5Handle spectrum_group;
    Hdf5Handle metric_group;
    bool finished = false;
};

void CheckpointWriter::State::create_structure(const Catalogue& catalogue) {
    together(ranks, [&] { file = create_shared_file(place, ranks); });
    CollectiveCalls calls(ranks);
    calls.make([&] { tensor_group = create_group(place, file.id(), kTensorGroup); });
    calls.make([&] { spectrum_group = create_group(place, file.id(), kSpectrumGroup); });
    calls.make([&] { metric_group = create_group(place, file.id(), kMetricGroup); });
    calls.agree();
    write_root(catalogue);
    write_model_files(catalogue);
    create_tensors();
    together(ranks, [&] { row_file = File::open_for_writing(place.file()); });
}

void CheckpointWriter::State::write_root(const Catalogue& catalogue) {
    const std::string created = ranks.broadcast_text(ranks.is_root() ? utc_timestamp() : "");
    const Hdf5Object root{file.id(), "/"};
    CollectiveCalls calls(ranks);
    calls.make([&] { write_attribute(place, root, "format", kFormatName); });
    calls.make([&] { write_attribute(place, root, "version", kFormatVersion); });
    calls.make([&] { write_attribute(place, root, "model", catalogue.model_name); });
    calls.make([&] { write_attribute(place, root, "family", catalogue.family); });
    calls.make([&] { write_attribute(place, root, "created", created); });
    calls.make([&] {
        write_attribute(place, root, "tensors", static_cast<std::int64_t>(tensors.size()));
    });
    calls.agree();
}

void CheckpointWriter::State::write_model_files(const Catalogue& catalogue) {
    std::vector<Companion> companions;
    together(ranks, [&] {
        if (ranks.is_root()) {
            companions = read_companions(catalogue);
        }
    });
    Hdf5Handle group;
    CollectiveCalls calls(ranks);
    calls.make([&] { group = create_group(place, file.id(), kModelGroup); });
    calls.agree();
    write_configuration(group, catalogue.configuration_text);
    write_files(place, ranks, group, companions);
}

void CheckpointWriter::State::write_configuration(const Hdf5Handle& group,
                                                  const std::string& text) {
    const std::string object = object_name(kModelGroup, kConfiguration);
    const std::string padded = text.empty() ? std::string(1, '\0') : text;
    const Hdf5Handle type = text_type(place, padded.size());
    Hdf5Handle dataset;
    CollectiveCalls calls(ranks);
    calls.make([&] {
        dataset = create_dataset(place, group.id(), kConfiguration, type.id(), {}, object);
    });
    calls.agree();
    together(ranks, [&] {
        if (ranks.is_root()) {
            place.check(
                H5Dwrite(dataset.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, padded.data()),
                "writing the configuration", object);
        }
    });
}

void CheckpointWriter::State::create_tensors() {
    first_bytes.assign(tensors.size(), 0);
    CollectiveCalls calls(ranks);
    for (std::size_t t = 0; t < tensors.size(); ++t) {
        calls.make([&] {
            const TensorInfo& tensor = tensors[t];
            const std::string object = object_name(kTensorGroup, tensor.name);
            const Hdf5Handle type = hdf5_type(place, tensor.type);
            const Hdf5Handle dataset = create_dataset(place, tensor_group.id(), tensor.name.c_str(),
                                                      type.id(), tensor.shape, object);
            if (tensor.bytes() > 0) {
                first_bytes[t] = first_byte_of(place, {dataset.id(), object});
            }
        });
    }
    calls.agree();
}

void CheckpointWriter::State::write_summary(std::size_t position, const TensorSummary& summary) {
    const TensorInfo& tensor = tensors[position];
    const std::string name = object_name(kTensorGroup, tensor.name);
    const Hdf5Handle dataset =
        place.own(H5Dopen2(tensor_group.id(), tensor.name.c_str(), H5P_DEFAULT), H5Dclose,
                  "opening the dataset", name);
    const Hdf5Object object{dataset.id(), name};
    const auto values = static_cast<double>(tensor.bytes() / size_of(tensor.type));
    const double sparsity = values > 0 ? static_cast<double>(summary.zeros) / values : 0.0;
    write_attribute(place, object, "sparsity", sparsity);
    write_attribute(place, object, "sparsity_ratio", summary.sparsity_ratio);
    write_attribute(place, object, "zeros", summary.zeros);
    write_attribute(place, object, "checksum", summary.checksum);
    write_attribute(place, object, "position", static_cast<std::int64_t>(position));
}

void CheckpointWriter::State::close_file() {
    close_groups();
    together(ranks, [&] { row_file->sync(); });
    row_file.reset();
    CollectiveCalls calls(ranks);
    // The flush makes every rank sync, on its own node, what it has written; closing alone would
    // leave that to the system.
    calls.make([&] {
        place.check(H5Fflush(file.id(), H5F_SCOPE_GLOBAL), "writing out the checkpoint", {});
    });
    calls.make([&] { place.check(file.close(), "closing the checkpoint", {}); });
    calls.agree();
}

CheckpointWriter::CheckpointWriter(const Communicator& ranks, const Catalogue& catalogue,
                                   const std::filesystem::path& path) {
    together(ranks, [&] { require_usable_names(catalogue); });
    prepare_file(ranks, partial_name(path));
    state_ = std::make_unique<State>(ranks, catalogue, path);
    state_->create_structure(catalogue);
}

CheckpointWriter::CheckpointWriter(CheckpointWriter&&) noexcept = default;
CheckpointWriter::~CheckpointWriter() = default;

void CheckpointWriter::write_rows(int tensor, RowRange rows, std::span<const std::byte> bytes) {
    const TensorInfo& info = state_->tensors.at(static_cast<std::size_t>(tensor));
    assert(rows.begin >= 0 && rows.begin <= rows.end && rows.end <= info.rows());
    assert(bytes.size() == static_cast<std::uint64_t>(rows.size()) * info.row_bytes());
    if (bytes.empty()) {
        return;
    }
    const std::uint64_t first = state_->first_bytes[static_cast<std::size_t>(tensor)] +
                                static_cast<std::uint64_t>(rows.begin) * info.row_bytes();
    try {
        state_->row_file->stream_at(first, bytes);
    } catch (const Error& error) {
        throw naming_rows(error, object_name(kTensorGroup, info.name), rows);
    }
}

void CheckpointWriter::write_spectra(const std::vector<std::vector<double>>& eigenvalues) {
    assert(eigenvalues.size() == state_->matrix_names.size());
    std::vector<std::int64_t> sizes;
    for (const std::vector<double>& values : eigenvalues) {
        sizes.push_back(static_cast<std::int64_t>(values.size()));
    }
    state_->ranks.all_reduce_max(std::span(sizes));
    CollectiveCalls calls(state_->ranks);
    for (std::size_t m = 0; m < sizes.size(); ++m) {
        if (sizes[m] == 0) {
            continue;
        }
        calls.make([&] {
            const std::string& name = state_->matrix_names[m];
            const std::string object = object_name(kSpectrumGroup, name);
            const Hdf5Handle dataset = state_->create_vector(
                state_->spectrum_group, name.c_str(), static_cast<std::size_t>(sizes[m]), object);
            state_->fill_vector(dataset, eigenvalues[m], object);
        });
    }
    calls.agree();
}

void CheckpointWriter::write_metric(Metric metric, std::span<const double> values) {
    assert(values.size() == state_->matrix_names.size());
    const std::string name(name_of(metric));
    const std::string object = object_name(kMetricGroup, name);
    CollectiveCalls calls(state_->ranks);
    calls.make([&] {
        const Hdf5Handle dataset =
            state_->create_vector(state_->metric_group, name.c_str(), values.size(), object);
        if (state_->ranks.is_root()) {
            state_->fill_vector(dataset, values, object);
        }
    });
    calls.agree();
}

void CheckpointWriter::finish(std::span<const TensorSummary> summaries) {
    State& state = *state_;
    assert(summaries.size() == state.tensors.size());
    CollectiveCalls calls(state.ranks);
    for (std::size_t t = 0; t < summaries.size(); ++t) {
        calls.make([&] { state.write_summary(t, summaries[t]); });
    }
    calls.agree();
    calls.make([&] {
        write_attribute(state.place, {state.file.id(), "/"}, "complete", std::int64_t{1});
    });
    calls.agree();
    state.close_file();
    together(state.ranks, [&] {
        if (state.ranks.is_root()) {
            File::open_for_reading(state.place.file()).sync();
            publish(state.final_path);
        }
    });
    state.finished = true;
}

}  // namespace alphaprune
