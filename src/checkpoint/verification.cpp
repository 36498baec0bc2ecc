#include "alphaprune/checkpoint/verification.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>

#include "alphaprune/checkpoint/checkpoint_reader.hpp"
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
        names.insert(matrix.name);
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
        std::unordered_map<std::string_view, std::size_t> position;
        for (std::size_t t = 0; t < tensors().size(); ++t) {
            position.emplace(tensors()[t].name, t);
        }
        for (const ExpectedMatrix& matrix : expected) {
            const auto at = position.find(matrix.name);
            if (at == position.end()) {
                problem("matrix '{}' of the report is not in the file", matrix.name);
            } else {
                check_matrix(matrix, at->second);
                position.erase(at);
            }
        }
        if (!expected.empty()) {
            check_unexpected(position);
        }
    }

    void check_matrix(const ExpectedMatrix& matrix, std::size_t t) {
        const StoredTensor& tensor = tensors()[t];
        if (tensor.shape != std::vector{matrix.rows, matrix.cols}) {
            problem("matrix '{}': its shape is {}, the report says {} x {}", matrix.name,
                    fmt::join(tensor.shape, " x "), matrix.rows, matrix.cols);
        }
        if (found_.unreadable[t] == 0 && found_.zeros[t] != matrix.zeros) {
            problem("matrix '{}': {} of its values are zero, the report says {}", matrix.name,
                    found_.zeros[t], matrix.zeros);
        }
        const double ratio = tensor.summary.sparsity_ratio;
        if (!(std::abs(ratio - matrix.sparsity_ratio) <= kRatioTolerance)) {
            problem("matrix '{}': its sparsity ratio is {}, the report says {}", matrix.name, ratio,
                    matrix.sparsity_ratio);
        }
    }

    void check_unexpected(const std::unordered_map<std::string_view, std::size_t>& others) {
        for (const StoredTensor& tensor : tensors()) {
            if (tensor.summary.sparsity_ratio != 0 && others.contains(tensor.name)) {
                problem("tensor '{}' has a sparsity ratio of {} but is not in the report",
                        tensor.name, tensor.summary.sparsity_ratio);
            }
        }
    }

    const parallel::Communicator& ranks_;
    const CheckpointReader& reader_;
    std::string must_be_finite_;  ///< as finite_tensors() says
    Findings found_;
    std::vector<std::string> problems_;  ///< of what this rank could not read
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
