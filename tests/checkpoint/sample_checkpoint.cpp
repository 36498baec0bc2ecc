#include "checkpoint/sample_checkpoint.hpp"

#include <cstring>
#include <fstream>
#include <iterator>
#include <random>

#include "alphaprune/support/checksum.hpp"

namespace alphaprune::test {
namespace {

std::vector<std::byte> sample_bytes(const model::TensorInfo& tensor, std::mt19937& engine) {
    std::size_t size = 1;
    for (const std::int64_t extent : tensor.shape) {
        size *= static_cast<std::size_t>(extent);
    }
    std::vector<float> values(size);
    for (float& value : values) {
        const auto draw = static_cast<int>(engine() % 2001) - 1000;
        value = draw % 5 == 0 ? 0.0F : static_cast<float>(draw) / 512.0F;
    }
    std::vector<std::byte> bytes(size * support::size_of(tensor.scalar_type()));
    if (size > 0) {
        support::narrow(values, tensor.scalar_type(), bytes);
    }
    return bytes;
}

void add_tensor(SampleModel& model, const std::string& name, support::ScalarType type,
                std::vector<std::int64_t> shape, int block = -1) {
    model::Catalogue& catalogue = model.catalogue;
    model::TensorInfo tensor;
    tensor.name = name;
    tensor.type = type;
    tensor.shape = std::move(shape);
    if (block >= 0) {
        tensor.matrix = static_cast<int>(catalogue.matrices.size());
        catalogue.matrices.push_back(
            {static_cast<int>(catalogue.tensors.size()), block, tensor.shape[0], tensor.shape[1]});
    }
    catalogue.tensors.push_back(std::move(tensor));
}

void add_tensors(SampleModel& model) {
    using enum support::ScalarType;
    add_tensor(model, "model.embed_tokens.weight", bfloat16, {7, 5});
    add_tensor(model, "model.layers.0.self_attn.q_proj.weight", bfloat16, {9, 6}, 0);
    add_tensor(model, "model.layers.0.mlp.up_proj.weight", float16, {4, 11}, 0);
    add_tensor(model, "model.layers.1.self_attn.q_proj.weight", float32, {3, 8}, 1);
    add_tensor(model, "model.norm.weight", float32, {13});
    add_tensor(model, "model.norm.bias", float16, {1});
    add_tensor(model, "model.experts.gate_up", bfloat16, {5, 3, 4});
    add_tensor(model, "model.scale", float32, {});
    add_tensor(model, "model.nothing", bfloat16, {0, 4});
    add_tensor(model, "model.hollow", float16, {3, 0});
    add_tensor(model, "model.empty_vector", float32, {0});
    add_tensor(model, "lm_head.weight", bfloat16, {1, 17});
}

}  // namespace

SharedFolder::SharedFolder(const parallel::Communicator& ranks) : ranks_(ranks) {
    std::string name;
    if (ranks.is_root()) {
        owned_.emplace();
        name = owned_->path().string();
    }
    path_ = ranks.broadcast_text(name);
}

SharedFolder::~SharedFolder() {
    ranks_.barrier();
}

int SampleModel::index_of(const std::string& tensor) const {
    for (std::size_t t = 0; t < catalogue.tensors.size(); ++t) {
        if (catalogue.tensors[t].name == tensor) {
            return static_cast<int>(t);
        }
    }
    return -1;
}

checkpoint::TensorSummary summarize(const model::TensorInfo& tensor,
                                    const std::vector<std::byte>& bytes, double ratio) {
    checkpoint::TensorSummary summary{0, 0, ratio};
    const std::size_t rows =
        tensor.shape.size() < 2 ? 1 : static_cast<std::size_t>(tensor.shape[0]);
    const std::size_t row_bytes = rows == 0 ? 0 : bytes.size() / rows;
    for (std::size_t row = 0; row_bytes > 0 && row < rows; ++row) {
        summary.checksum +=
            support::hash_bytes(std::span(bytes).subspan(row * row_bytes, row_bytes), row);
    }
    const std::size_t width = support::size_of(tensor.scalar_type());
    for (std::size_t at = 0; at < bytes.size(); at += width) {
        std::uint32_t bits = 0;
        std::memcpy(&bits, bytes.data() + at, width);
        const std::uint32_t magnitude = width == 2 ? bits & 0x7FFFU : bits & 0x7FFFFFFFU;
        summary.zeros += magnitude == 0 ? 1 : 0;
    }
    return summary;
}

SampleModel sample_model() {
    SampleModel model;
    model.catalogue.model_name = "sample";
    model.catalogue.folder = "/models/sample";
    model.catalogue.family = "llama";
    model.catalogue.configuration_text = "{\n  \"model_type\": \"llama\", \"name\": \"größe\"\n}\n";
    add_tensors(model);
    std::mt19937 engine(11);
    for (const model::TensorInfo& tensor : model.catalogue.tensors) {
        model.bytes.push_back(sample_bytes(tensor, engine));
        const double ratio = tensor.matrix < 0 ? 0.0 : 0.1 + 0.1 * tensor.matrix;
        model.summaries.push_back(summarize(tensor, model.bytes.back(), ratio));
    }
    model.eigenvalues = {{1.0, 2.5, 1e300, 4, 5, 6}, {0.0, 1e-300, 1, 2}, {}};
    model.alphas = {2.25, 1.0 / 3.0, 7.5};
    return model;
}

std::span<const std::byte> bytes_of(const SampleModel& model, std::size_t tensor,
                                    parallel::RowRange rows) {
    const model::TensorInfo& info = model.catalogue.tensors[tensor];
    return std::span(model.bytes[tensor])
        .subspan(static_cast<std::size_t>(rows.begin) * info.row_bytes(),
                 static_cast<std::size_t>(rows.size()) * info.row_bytes());
}

void write_rows_of(const parallel::Communicator& ranks, const SampleModel& model,
                   checkpoint::CheckpointWriter& writer) {
    for (std::size_t t = 0; t < model.bytes.size(); ++t) {
        const model::TensorInfo& tensor = model.catalogue.tensors[t];
        const parallel::RowRange mine =
            parallel::share_of(tensor.rows(), ranks.size(), ranks.rank());
        writer.write_rows(static_cast<int>(t), mine, bytes_of(model, t, mine));
    }
}

void write_sample(const parallel::Communicator& ranks, const SampleModel& model,
                  const std::filesystem::path& path) {
    checkpoint::CheckpointWriter writer(ranks, model.catalogue, path);
    write_rows_of(ranks, model, writer);
    auto eigenvalues = model.eigenvalues;
    for (std::size_t m = 0; m < eigenvalues.size(); ++m) {
        if (static_cast<int>((m + 1) % static_cast<std::size_t>(ranks.size())) != ranks.rank()) {
            eigenvalues[m].clear();
        }
    }
    writer.write_spectra(eigenvalues);
    writer.write_metric(spectrum::Metric::alpha_mid, model.alphas);
    writer.finish(model.summaries);
}

std::vector<char> contents(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void replace_contents(const std::filesystem::path& path, const std::vector<char>& bytes) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace alphaprune::test
