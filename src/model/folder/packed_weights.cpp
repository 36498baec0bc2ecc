#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "alphaprune/model/name_list.hpp"
#include "alphaprune/support/message.hpp"
#include "folder_reading.hpp"

namespace alphaprune::model {
namespace {

const support::BadRequest<std::string> kUnknownScales{
    "model.unknown-scales", "it is not understood how these weights of 8 or 4 bits are scaled: {}",
    "their scales are neither one for a tensor, a row or a block, as fp8, compressed-tensors, "
    "fbgemm_fp8 and ModelOpt store them, nor those of MXFP4; or files of two models are mixed",
    "fetch all files of the model again, or use the model that was quantized (README.md mostly "
    "names it as base_model)"};

const support::BadRequest<std::string> kScalesMissing{
    "model.scales-missing",
    "weights of 8 bits have no scales, though config.json or weights beside them say that they "
    "are scaled: {}",
    "not all files of the model were fetched, or the scales were removed",
    "fetch all files of the model again"};

const support::Warning<std::string> kPlainFloat8{
    "model.plain-float8",
    "weights are stored in float8 without scales; they are read, and written, as bfloat16, which "
    "holds the same values: {}",
    "the model was converted to float8 without scaling",
    "none is needed; check that the model was meant to be converted so"};

std::optional<PackedCode> float8_code(const TensorInfo& tensor) {
    if (tensor.type.name() == "F8_E4M3") {
        return PackedCode::float8_e4m3;
    }
    return tensor.type.name() == "F8_E5M2" ? std::optional(PackedCode::float8_e5m2) : std::nullopt;
}

std::optional<ScaleCode> scale_code(const TensorInfo& tensor) {
    constexpr std::array<std::pair<std::string_view, ScaleCode>, 5> kCodes{
        {{"F32", ScaleCode::float32},
         {"F16", ScaleCode::float16},
         {"BF16", ScaleCode::bfloat16},
         {"F8_E8M0", ScaleCode::power},
         {"U8", ScaleCode::power}}};  // as transformers takes them
    for (const auto& [name, code] : kCodes) {
        if (tensor.type.name() == name) {
            return code;
        }
    }
    return std::nullopt;
}

/// Of what the weights, or the cache of keys and values, are multiplied with: the weights
/// themselves do not change by them.
bool is_activation_scale(std::string_view name) {
    constexpr std::array<std::string_view, 8> kEndings{
        "input_scale", "input_scale_ub", "activation_scale", "output_scale",
        "k_scale",     "v_scale",        "q_scale",          "kv_scale"};
    return std::ranges::any_of(kEndings, [&](std::string_view ending) {
        return name.ends_with(ending) && name.size() > ending.size() &&
               std::string_view("._").find(name[name.size() - ending.size() - 1]) !=
                   std::string_view::npos;
    });
}

std::string described(const TensorInfo& tensor) {
    return fmt::format("{} {} [{}]", tensor.name, tensor.type.name(),
                       fmt::join(tensor.shape, ", "));
}

std::int64_t blocks_of(std::int64_t values, std::int64_t block) {
    return (values + block - 1) / block;
}

/// How the scales divide a matrix; nothing where that cannot be told.
struct Grid {
    std::int64_t matrix_rows = 0;
    std::int64_t rows = 0;
    std::int64_t cols = 0;
    std::int64_t block_rows = 0;
    std::int64_t block_cols = 0;
};

/// @param shape   of the weight, of two dimensions or more
/// @param scales  the shape of its scales
/// @param blocks  rows and columns of a block, as config.json may give them
std::optional<Grid> grid_of(const std::vector<std::int64_t>& shape,
                            const std::vector<std::int64_t>& scales,
                            const std::vector<BlockSize>& blocks) {
    const std::int64_t cols = shape.back();
    const std::int64_t rows = shape[shape.size() - 2];
    if (std::ranges::all_of(scales, [](std::int64_t size) { return size == 1; })) {
        std::int64_t all_rows = 1;
        for (std::size_t i = 0; i + 1 < shape.size(); ++i) {
            all_rows *= shape[i];
        }
        return Grid{all_rows, 1, 1, all_rows, cols};
    }
    if (scales.size() + 1 == shape.size() &&
        std::equal(scales.begin(), scales.end(), shape.begin())) {  // one a row, no columns
        return Grid{rows, rows, 1, 1, cols};
    }
    if (scales.size() != shape.size() ||
        !std::equal(shape.begin(), shape.end() - 2, scales.begin())) {
        return std::nullopt;
    }
    const std::int64_t grid_cols = scales.back();
    const std::int64_t grid_rows = scales[scales.size() - 2];
    for (const BlockSize& block : blocks) {
        if (blocks_of(rows, block.rows) == grid_rows && blocks_of(cols, block.cols) == grid_cols) {
            return Grid{rows, grid_rows, grid_cols, block.rows, block.cols};
        }
    }
    if (grid_rows > 0 && grid_cols > 0 && rows % grid_rows == 0 && cols % grid_cols == 0) {
        return Grid{rows, grid_rows, grid_cols, rows / grid_rows, cols / grid_cols};
    }
    return std::nullopt;
}

/// Turns stored tensors into those that the model has.
class Unpacking {
  public:
    Unpacking(Catalogue& catalogue, const IndexFindings& findings, std::vector<BlockSize> blocks)
        : catalogue_(catalogue), blocks_(std::move(blocks)) {
        for (std::size_t i = 0; i < catalogue.tensors.size(); ++i) {
            number_of_.emplace(catalogue.tensors[i].name, static_cast<int>(i));
        }
        for (const auto& [tensor, shard] : findings.absent) {
            number_of_.emplace(tensor, kAbsent);
        }
    }

    /// @return whether any weight was unpacked
    bool run() {
        for (std::size_t i = 0; i < catalogue_.tensors.size(); ++i) {
            TensorInfo& tensor = catalogue_.tensors[i];
            if (const auto code = float8_code(tensor)) {
                unpack_float8(tensor, *code);
            } else if (tensor.type.name() == "U8" && tensor.name.ends_with(kBlocks)) {
                unpack_mxfp4(tensor);
            }
        }
        if (unpacked_ > 0 && unknown_.empty()) {
            drop_scales();
        }
        return unpacked_ > 0;
    }

    const std::vector<std::string>& unknown() const { return unknown_; }

  private:
    static constexpr int kAbsent = -1;  ///< named by the index, and in no shard
    static constexpr std::string_view kBlocks = "_blocks";

    const TensorInfo* find(const std::string& name) const {
        const auto found = number_of_.find(name);
        return found == number_of_.end() || found->second == kAbsent
                   ? nullptr
                   : &catalogue_.tensors[static_cast<std::size_t>(found->second)];
    }

    /// The tensors beside a weight that say how it is scaled.
    std::vector<std::string_view> scales_beside(std::string_view weight) const {
        constexpr std::string_view kWeight = "weight";
        const bool of_module = weight.ends_with(".weight");
        const std::string prefix =
            of_module ? std::string(weight.substr(0, weight.size() - kWeight.size()))
                      : std::string(weight) + "_";
        std::vector<std::string_view> found;
        for (auto at = number_of_.lower_bound(prefix);
             at != number_of_.end() && at->first.starts_with(prefix); ++at) {
            const std::string_view rest = std::string_view(at->first).substr(prefix.size());
            if (rest.find('.') == std::string_view::npos && !is_activation_scale(at->first) &&
                (rest.find("scale") != std::string_view::npos ||
                 rest.find("zero_point") != std::string_view::npos)) {
                found.push_back(at->first);
            }
        }
        return found;
    }

    void unpack_float8(TensorInfo& tensor, PackedCode code) {
        const std::size_t dot = tensor.name.rfind('.');
        const std::string_view last =
            std::string_view(tensor.name).substr(dot == std::string::npos ? 0 : dot + 1);
        if (last.find("scale") != std::string_view::npos) {
            return;  // NVFP4 has float8 scales
        }
        const std::vector<std::string_view> beside = scales_beside(tensor.name);
        if (beside.empty()) {
            return;
        }
        const std::string name(beside.front());
        const bool is_usual = beside.size() == 1 && (name == tensor.name + "_scale_inv" ||
                                                     name == tensor.name + "_scale");
        const TensorInfo* scales = find(name);
        const auto scale = scales != nullptr ? scale_code(*scales) : std::nullopt;
        const auto grid = is_usual && scale && tensor.shape.size() >= 2 && tensor.values() > 0
                              ? grid_of(tensor.shape, scales->shape, blocks_)
                              : std::nullopt;
        if (!grid) {
            std::vector<std::string> scales_text;
            for (const std::string_view each : beside) {
                const TensorInfo* stored = find(std::string(each));
                scales_text.push_back(stored != nullptr ? described(*stored)
                                                        : std::string(each) + ", which is missing");
            }
            unknown_.push_back(
                fmt::format("{} by {}", described(tensor), fmt::join(scales_text, ", ")));
            return;
        }
        PackedForm form;
        form.code = code;
        form.cols = tensor.shape.back();
        form.rows = tensor.values() / form.cols;
        form.matrix_rows = grid->matrix_rows;
        form.scale = *scale;
        form.scale_shard = scales->shard;
        form.scale_offset = scales->offset;
        form.grid_rows = grid->rows;
        form.grid_cols = grid->cols;
        form.block_rows = grid->block_rows;
        form.block_cols = grid->block_cols;
        become(tensor, form, name);
    }

    /// X_blocks [experts, outputs, groups, bytes of a group] and X_scales [experts, outputs,
    /// groups] become X [experts, inputs, outputs].
    void unpack_mxfp4(TensorInfo& tensor) {
        std::string name = tensor.name.substr(0, tensor.name.size() - kBlocks.size());
        const std::string scales_name = name + "_scales";
        const TensorInfo* scales = find(scales_name);
        if (tensor.shape.size() != 4 || (scales == nullptr && !number_of_.contains(scales_name))) {
            return;  // something else that is called blocks
        }
        const bool fits =
            scales != nullptr && scale_code(*scales) == ScaleCode::power &&
            scales->shape.size() == 3 && tensor.values() > 0 &&
            std::equal(scales->shape.begin(), scales->shape.end(), tensor.shape.begin()) &&
            !number_of_.contains(name);
        if (!fits) {
            unknown_.push_back(fmt::format(
                "{} by {}", described(tensor),
                scales != nullptr ? described(*scales) : scales_name + ", which is missing"));
            return;
        }
        const std::int64_t group = 2 * tensor.shape[3];
        PackedForm form;
        form.code = PackedCode::mxfp4;
        form.matrix_rows = tensor.shape[1];
        form.rows = tensor.shape[0] * form.matrix_rows;
        form.cols = tensor.shape[2] * group;
        form.scale = ScaleCode::power;
        form.scale_shard = scales->shard;
        form.scale_offset = scales->offset;
        form.grid_rows = form.matrix_rows;
        form.grid_cols = tensor.shape[2];
        form.block_rows = 1;
        form.block_cols = group;
        tensor.shape = {tensor.shape[0], form.cols, form.matrix_rows};
        tensor.name = std::move(name);
        become(tensor, form, scales_name);
    }

    void become(TensorInfo& tensor, const PackedForm& form, const std::string& scales) {
        tensor.type = support::ScalarType::bfloat16;
        tensor.packed = form;
        dropped_.insert(scales);
        ++unpacked_;
    }

    void drop_scales() {
        std::erase_if(catalogue_.tensors, [&](const TensorInfo& tensor) {
            return dropped_.contains(tensor.name) || is_activation_scale(tensor.name);
        });
    }

    Catalogue& catalogue_;
    std::vector<BlockSize> blocks_;
    std::map<std::string, int, std::less<>> number_of_;  ///< by the names in the files
    std::set<std::string, std::less<>> dropped_;
    std::vector<std::string> unknown_;
    int unpacked_ = 0;
};

}  // namespace

Packing unpack_weights(Catalogue& catalogue, const IndexFindings& findings,
                       support::FaultList& faults) {
    Unpacking unpacking(catalogue, findings, configured_blocks(catalogue));
    Packing packing;
    packing.unpacked = unpacking.run();
    packing.understood = unpacking.unknown().empty();
    if (!packing.understood) {
        faults.add(kUnknownScales(catalogue.folder.string(), list_names(unpacking.unknown())));
    }
    return packing;
}

void unpack_plain_float8(Catalogue& catalogue, bool are_scaled, support::FaultList& faults) {
    std::vector<std::string> names;
    for (TensorInfo& tensor : catalogue.tensors) {
        const auto code = float8_code(tensor);
        const bool is_weight = tensor.matrix >= 0 || tensor.name.ends_with(".weight") ||
                               tensor.name.ends_with(".bias");
        if (!code || !is_weight || tensor.values() == 0) {
            continue;
        }
        names.push_back(tensor.name);
        PackedForm form;
        form.code = *code;
        form.cols = tensor.shape.empty() ? 1 : tensor.shape.back();
        form.rows = tensor.values() / form.cols;
        form.matrix_rows = form.rows;
        form.scale_shard = tensor.shard;
        tensor.type = support::ScalarType::bfloat16;
        tensor.packed = form;
    }
    if (!names.empty() && are_scaled) {
        faults.add(kScalesMissing(catalogue.folder.string(), list_names(names)));
    } else if (!names.empty()) {
        catalogue.warnings.push_back(kPlainFloat8(list_names(names)));
    }
}

}  // namespace alphaprune::model
