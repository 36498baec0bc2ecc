#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "alphaprune/model/matrix_choice.hpp"

namespace alphaprune::test {

struct Named {
    std::string name;
    std::vector<std::int64_t> shape;
};

using Texts = std::vector<std::string>;

/// A catalogue of tensors without any file.
inline model::Catalogue unchosen_catalogue(const std::string& config,
                                           const std::vector<Named>& tensors) {
    std::vector<model::TensorInfo> infos;
    for (const Named& tensor : tensors) {
        model::TensorInfo info;
        info.name = tensor.name;
        info.shape = tensor.shape;
        infos.push_back(std::move(info));
    }
    return model::make_catalogue("folder/model.h5", "model", config, std::move(infos));
}

inline model::MatrixChoice choice_of(const Texts& include, const Texts& exclude) {
    model::MatrixChoice choice;
    for (const std::string& pattern : include) {
        choice.include.emplace_back(pattern);
    }
    for (const std::string& pattern : exclude) {
        choice.exclude.emplace_back(pattern);
    }
    return choice;
}

/// The same with the matrices that are pruned.
inline model::Catalogue catalogue_of(const std::string& config, const std::vector<Named>& tensors,
                                     const model::MatrixChoice& choice = {}) {
    model::Catalogue catalogue = unchosen_catalogue(config, tensors);
    model::choose_matrices(catalogue, choice);
    return catalogue;
}

/// "block:name" of each matrix.
inline Texts described(const model::Catalogue& catalogue) {
    Texts texts;
    for (const model::MatrixInfo& matrix : catalogue.matrices) {
        texts.push_back(std::to_string(matrix.block) + ":" + catalogue.name_of(matrix));
    }
    return texts;
}

/// Those tensors in each of `blocks` blocks, their names behind "<prefix><number>.".
inline std::vector<Named> in_blocks(const std::string& prefix, int blocks,
                                    const std::vector<Named>& tensors) {
    std::vector<Named> all;
    for (int block = 0; block < blocks; ++block) {
        for (const Named& tensor : tensors) {
            all.push_back({prefix + std::to_string(block) + "." + tensor.name, tensor.shape});
        }
    }
    return all;
}

inline std::vector<Named> operator+(std::vector<Named> a, const std::vector<Named>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

}  // namespace alphaprune::test
