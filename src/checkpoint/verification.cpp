#include "alphaprune/checkpoint/verification.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>

#include "alphaprune/checkpoint/checkpoint_reader.hpp"
#include "alphaprune/model/matrix_slices.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/bytes.hpp"
#include "alphaprune/support/checksum.hpp"
#include "alphaprune/transformer/forward_plan.hpp"

namespace alphaprune::checkpoint {
namespace {

constexpr double kRatioTolerance = 1e-12;

/// What the bytes of the tensors really are, one entry a tensor.
struct Findings {
    explicit Findings(std::size_t tensors)
        : checksums(tensors), zeros(tensors), non_finite(tensors), unreadable(tensors) {}

    void sum_over(const parallel::Communicator& ranks) {
        ranks.all_reduce_sum(std::span(checksums));
        ranks.all_reduce_sum(std::span(zeros));
        ranks.all_reduce_sum(std::span(non_finite));
        ranks.all_reduce_sum(std::span(unreadable));
    }

    std::vector<std::uint64_t> checksums;
    std::vector<std::int64_t> zeros;
    std::vector<std::int64_t> non_finite;
    std::vector<std::int64_t> unreadable;  ///< ranks that could not read their rows
};

constexpr char kYes = '1';

const std::string& tensor_of(const ExpectedMatrix& matrix) {
    return matrix.tensor.empty() ? matrix.name : matrix.tensor;
}

/// Whether a tensor can have such a slice.
bool fits(const model::MatrixInfo& slice, const model::TensorInfo& tensor) {
    if (!tensor.type.scalar() || tensor.shape.size() != (slice.expert < 0 ? 2U : 3U) ||
        (slice.expert >= 0 && slice.expert >= tensor.shape.front())) {
        return false;
    }
    const model::StoredShape stored = model::stored_shape_of(tensor);
    const model::OutputPattern& pattern = slice.pattern;
    const std::int64_t outputs = slice.transposed ? stored.cols : stored.rows;
    return slice.rows > 0 && slice.cols > 0 && slice.outputs() <= outputs &&
           slice.inputs() == (slice.transposed ? stored.rows : stored.cols) && pattern.first >= 0 &&
           pattern.first < outputs && pattern.run > 0 && pattern.run <= outputs &&
           pattern.stride >= pattern.run && pattern.stride <= outputs &&
           pattern.stored(slice.outputs() - 1) < outputs;
}

/// The tensors that the forward pass uses, according to the model itself, or, where the
/// checkpoint's model cannot be understood, to their names.
std::set<std::string> names_in_forward_pass(const CheckpointReader& reader,
                                            const std::filesystem::path& path) {
    model::Catalogue catalogue;
    try {
        catalogue = catalogue_of_checkpoint(path);
    } catch (const support::Error&) {
        catalogue.tensors.assign(reader.tensors().begin(), reader.tensors().end());
    }
    std::set<std::string> names;
    for (const int t : transformer::forward_tensors(catalogue)) {
        names.insert(catalogue.tensors[static_cast<std::size_t>(t)].name);
    }
    return names;
}

/// Which tensors must be finite, a kYes for each: those that were pruned and those that the forward
/// pass uses. Any other is a buffer and may hold anything, as masks hold infinities.
std::string finite_tensors(const CheckpointReader& reader, const std::filesystem::path& path,
                           const std::vector<ExpectedMatrix>& expected) {
    std::set<std::string> names = names_in_forward_pass(reader, path);
    for (const ExpectedMatrix& matrix : expected) {
        names.insert(tensor_of(matrix));
    }
    std::string flags;
    for (const StoredTensor& tensor : reader.tensors()) {
        const bool wanted = names.contains(tensor.name) || tensor.summary.sparsity_ratio != 0;
        flags.push_back(wanted && tensor.type.scalar() ? kYes : '0');
    }
    return flags;
}

class Verifier {
  public:
    Verifier(const parallel::Communicator& ranks, const CheckpointReader& reader,
             std::string must_be_finite)
        : ranks_(ranks),
          reader_(reader),
          must_be_finite_(std::move(must_be_finite)),
          found_(reader.tensors().size()) {}

    Verification verify(const std::vector<ExpectedMatrix>& expected) {
        find_slices(expected);
        for (std::size_t t = 0; t < tensors().size(); ++t) {
            examine(t);
        }
        examine_auxiliary_files();
        share_findings();
        check_count();
        for (std::size_t t = 0; t < tensors().size(); ++t) {
            count(t);
            if (found_.unreadable[t] == 0) {
                check_contents(t);
            }
        }
        check_expected(expected);
        return std::move(result_);
    }

  private:
    const std::vector<StoredTensor>& tensors() const { return reader_.tensors(); }

    template <class... Args>
    void problem(fmt::format_string<Args...> text, Args&&... args) {
        result_.problems.push_back(fmt::format(text, std::forward<Args>(args)...));
    }

    /// The expected slices of each tensor.
    void find_slices(const std::vector<ExpectedMatrix>& expected) {
        slice_zeros_.resize(expected.size());
        slices_.resize(tensors().size());
        for (std::size_t t = 0; t < tensors().size(); ++t) {
            position_.emplace(tensors()[t].name, t);
        }
        for (std::size_t m = 0; m < expected.size(); ++m) {
            const auto at = position_.find(tensor_of(expected[m]));
            if (!expected[m].tensor.empty() && at != position_.end() &&
                fits(expected[m].slice, tensors()[at->second])) {
                slices_[at->second].emplace_back(m, expected[m].slice);
            }
        }
    }

    /// Reads this rank's rows. Which rank begins differs from tensor to tensor, so that the many
    /// tensors of one row do not all fall to rank 0.
    void examine(std::size_t t) {
        const StoredTensor& tensor = tensors()[t];
        const std::uint64_t row_bytes = tensor.row_bytes();
        if (row_bytes == 0) {
            return;
        }
        const auto size = static_cast<std::size_t>(ranks_.size());
        const auto part = (static_cast<std::size_t>(ranks_.rank()) + t) % size;
        const parallel::RowRange mine =
            parallel::share_of(tensor.rows(), ranks_.size(), static_cast<int>(part));
        try {
            parallel::for_each_slab(mine, row_bytes,
                                    [&](parallel::RowRange rows) { examine_rows(t, rows); });
        } catch (const support::Error& error) {
            found_.unreadable[t] = 1;
            problems_.push_back(
                fmt::format("tensor '{}': {}", tensor.name, error.faults().front().what));
        }
    }

    void examine_rows(std::size_t t, parallel::RowRange rows) {
        const StoredTensor& tensor = tensors()[t];
        buffer_.resize(static_cast<std::size_t>(rows.size()) * tensor.row_bytes());
        reader_.read_rows(tensor, rows, buffer_);
        found_.checksums[t] += support::checksum_of_rows(buffer_, tensor.row_bytes(),
                                                         static_cast<std::uint64_t>(rows.begin));
        found_.zeros[t] += static_cast<std::int64_t>(support::count_zeros(buffer_, tensor.type));
        for (const auto& slice : slices_[t]) {
            slice_zeros_[slice.first] += model::count_zeros_of(slice.second, tensor, rows, buffer_);
        }
        if (must_be_finite_[t] == kYes) {
            found_.non_finite[t] +=
                static_cast<std::int64_t>(support::count_non_finite(buffer_, tensor.scalar_type()));
        }
    }

    /// The files that came with the model, distributed over the ranks.
    void examine_auxiliary_files() {
        const std::vector<std::string>& names = reader_.auxiliary_files();
        const auto size = static_cast<std::size_t>(ranks_.size());
        for (auto i = static_cast<std::size_t>(ranks_.rank()); i < names.size(); i += size) {
            try {
                reader_.auxiliary_file(names[i]);
            } catch (const support::Error& error) {
                problems_.push_back(
                    fmt::format("model file '{}': {}", names[i], error.faults().front().what));
            }
        }
    }

    void share_findings() {
        found_.sum_over(ranks_);
        ranks_.all_reduce_sum(std::span(slice_zeros_));
        support::ByteWriter mine;
        mine(problems_);
        for (const std::string& text : ranks_.all_gather_texts(mine.take())) {
            for (std::string& problem : support::ByteReader(text).get<std::vector<std::string>>()) {
                result_.problems.push_back(std::move(problem));
            }
        }
    }

    void check_count() {
        result_.tensors = static_cast<std::int64_t>(tensors().size());
        if (result_.tensors != reader_.declared_tensors()) {
            problem("the file declares {} tensors and holds {}", reader_.declared_tensors(),
                    result_.tensors);
        }
    }

    void count(std::size_t t) {
        const StoredTensor& tensor = tensors()[t];
        result_.values += tensor.type.bits() ? tensor.values() : 0;
        result_.zeros += found_.zeros[t];
        result_.bytes += tensor.bytes();
    }

    void check_contents(std::size_t t) {
        const StoredTensor& tensor = tensors()[t];
        const TensorSummary& summary = tensor.summary;
        if (found_.checksums[t] != summary.checksum) {
            problem("tensor '{}': its bytes have the checksum {:016x}, recorded is {:016x}",
                    tensor.name, found_.checksums[t], summary.checksum);
        }
        if (found_.zeros[t] != summary.zeros) {
            problem("tensor '{}': {} of its values are zero, recorded are {}", tensor.name,
                    found_.zeros[t], summary.zeros);
        }
        if (found_.non_finite[t] != 0) {
            problem("tensor '{}': {} of its values are NaN or infinite", tensor.name,
                    found_.non_finite[t]);
        }
        const auto values = static_cast<double>(tensor.values());
        const double sparsity = values > 0 ? static_cast<double>(found_.zeros[t]) / values : 0.0;
        if (!(std::abs(tensor.sparsity - sparsity) <= kRatioTolerance)) {
            problem("tensor '{}': its sparsity is {}, recorded is {}", tensor.name, sparsity,
                    tensor.sparsity);
        }
        if (!(summary.sparsity_ratio >= 0 && summary.sparsity_ratio <= 1)) {
            problem("tensor '{}': the sparsity ratio recorded, {}, is not in [0, 1]", tensor.name,
                    summary.sparsity_ratio);
        }
    }

    void check_expected(const std::vector<ExpectedMatrix>& expected) {
        std::unordered_map<std::string_view, double> ratios;  // of tensors, times their values
        for (std::size_t m = 0; m < expected.size(); ++m) {
            const ExpectedMatrix& matrix = expected[m];
            const auto at = position_.find(tensor_of(matrix));
            if (at == position_.end()) {
                problem("matrix '{}' of the report is not in the file", matrix.name);
                continue;
            }
            check_matrix(matrix, m, at->second);
            ratios[at->first] += matrix.tensor.empty()
                                     ? matrix.sparsity_ratio
                                     : matrix.sparsity_ratio * share_of(matrix, at->second);
        }
        for (const StoredTensor& tensor : tensors()) {
            const auto found = ratios.find(tensor.name);
            const double ratio = tensor.summary.sparsity_ratio;
            if (found != ratios.end() && !(std::abs(ratio - found->second) <= kRatioTolerance)) {
                problem("matrix '{}': its sparsity ratio is {}, the report says {}", tensor.name,
                        ratio, found->second);
            } else if (found == ratios.end() && ratio != 0 && !expected.empty()) {
                problem("tensor '{}' has a sparsity ratio of {} but is not in the report",
                        tensor.name, ratio);
            }
        }
    }

    double share_of(const ExpectedMatrix& matrix, std::size_t t) const {
        return static_cast<double>(matrix.slice.size()) /
               static_cast<double>(std::max<std::int64_t>(tensors()[t].values(), 1));
    }

    void check_matrix(const ExpectedMatrix& matrix, std::size_t number, std::size_t t) {
        const StoredTensor& tensor = tensors()[t];
        const bool whole = matrix.tensor.empty();
        if (whole ? tensor.shape != std::vector{matrix.rows, matrix.cols}
                  : !fits(matrix.slice, tensor)) {
            problem("matrix '{}': its shape is {}, the report says {} x {}", matrix.name,
                    fmt::join(tensor.shape, " x "), matrix.rows, matrix.cols);
        }
        const std::int64_t zeros = whole ? found_.zeros[t] : slice_zeros_[number];
        if (found_.unreadable[t] == 0 && zeros != matrix.zeros) {
            problem("matrix '{}': {} of its values are zero, the report says {}", matrix.name,
                    zeros, matrix.zeros);
        }
    }

    const parallel::Communicator& ranks_;
    const CheckpointReader& reader_;
    std::string must_be_finite_;  ///< as finite_tensors() says
    Findings found_;
    std::unordered_map<std::string_view, std::size_t> position_;  ///< of tensors, by name
    /// Of each tensor: numbers of the matrices expected in it, and where they lie.
    std::vector<std::vector<std::pair<std::size_t, model::MatrixInfo>>> slices_;
    std::vector<std::int64_t> slice_zeros_;  ///< of each matrix that is one
    std::vector<std::string> problems_;      ///< of what this rank could not read
    std::vector<std::byte> buffer_;
    Verification result_;
};

}  // namespace

Verification verify_checkpoint(const parallel::Communicator& ranks,
                               const std::filesystem::path& path,
                               const std::vector<ExpectedMatrix>& expected) {
    const CheckpointReader reader =
        parallel::run_collectively(ranks, [&] { return CheckpointReader(path); });
    std::string finite =
        parallel::text_from_root(ranks, [&] { return finite_tensors(reader, path, expected); });
    return Verifier(ranks, reader, std::move(finite)).verify(expected);
}

}  // namespace alphaprune::checkpoint
