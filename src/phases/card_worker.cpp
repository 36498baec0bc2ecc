#include "card_worker.hpp"

#include <algorithm>
#include <utility>

#include "spectrum_record.hpp"

namespace alphaprune::phases {
namespace {

/// What one leaves idle of a card others use; as measured with benchmarks/card_spectra.
constexpr int kMatricesAtWork = 8;

}  // namespace

CardWorker::CardWorker(std::unique_ptr<linalg::SpectralPipeline> pipeline, GroupWorker& processor,
                       int owner, const model::Catalogue& catalogue, const SpectrumOptions& options,
                       SpectrumResults& results)
    : pipeline_(std::move(pipeline)),
      processor_(processor),
      owner_(owner),
      catalogue_(catalogue),
      options_(options),
      results_(results) {}

/// First of all what still uses the readers.
CardWorker::~CardWorker() {
    pipeline_.reset();
}

bool CardWorker::has_room() const {
    const int capacity = pipeline_ ? pipeline_->capacity() : 0;
    return std::ssize(at_work_) < std::max(capacity, 1);
}

bool CardWorker::take(const planning::PlannedMatrix& planned) {
    if (!pipeline_ || pipeline_->capacity() == 0) {
        processor_.solve(planned, pipeline_ ? std::optional(linalg::Solver::cuda) : std::nullopt);
        return true;
    }
    const model::MatrixInfo& matrix = catalogue_.matrices[static_cast<std::size_t>(planned.matrix)];
    AtWork& work = at_work_[planned.matrix];
    work = {&planned, free_reader()};
    pipeline_->submit(planned.matrix, model::make_matrix_source(*work.reader, matrix, false));
    return false;
}

void CardWorker::finish_one() {
    linalg::PipelineResult result = pipeline_->next();
    const auto found = at_work_.find(result.id);
    const planning::PlannedMatrix& planned = *found->second.planned;
    readers_.push_back(std::move(found->second.reader));
    at_work_.erase(found);
    if (!result.error) {
        record_spectrum(options_, results_, owner_, planned.matrix,
                        {std::move(result.spectrum), linalg::Solver::cuda, {}, 1, result.seconds});
        return;
    }
    if (result.error->status() != support::ExitStatus::failed) {
        throw *result.error;
    }
    try {
        processor_.solve(planned, linalg::Solver::cuda);
    } catch (const support::Error& second) {
        // What the card met may come again, such as weights that cannot be read.
        throw second.status() == support::ExitStatus::failed ? *result.error : second;
    }
}

std::unique_ptr<model::WeightReader> CardWorker::free_reader() {
    if (readers_.empty()) {
        return std::make_unique<model::WeightReader>(catalogue_);
    }
    auto reader = std::move(readers_.back());
    readers_.pop_back();
    return reader;
}

std::unique_ptr<linalg::SpectralPipeline> make_card_pipeline(
    int card, const model::Catalogue& catalogue,
    const std::vector<planning::PlannedMatrix>& matrices) {
    const auto matrix_of = [&](const planning::PlannedMatrix& planned) -> const model::MatrixInfo& {
        return catalogue.matrices[static_cast<std::size_t>(planned.matrix)];
    };
    const auto largest = std::ranges::max_element(matrices, {}, [&](const auto& planned) {
        const model::MatrixInfo& matrix = matrix_of(planned);
        return std::pair(std::min(matrix.rows, matrix.cols), matrix.rows * matrix.cols);
    });
    model::WeightReader reader(catalogue);
    return linalg::make_cuda_pipeline(
        card, kMatricesAtWork, *model::make_matrix_source(reader, matrix_of(*largest), false));
}

}  // namespace alphaprune::phases
