#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace alphaprune::model {

/// What the models of one release have in common.
struct ModelSeries {
    std::string_view model_type;    ///< config.json's
    std::string_view architecture;  ///< config.json's
    std::string_view stored_type;   ///< config.json's torch_dtype
    std::int64_t vocabulary = 0;
    std::int64_t max_positions = 0;
    double rope_theta = 0;            ///< 0: learned positions
    bool llama3_scaling = false;      ///< of the rotary embedding, by 8 beyond 8192 positions
    std::int64_t sliding_window = 0;  ///< 0: none
};

/// The public architecture of a model that goes by a short name. Heads are hidden / heads wide.
struct NamedShape {
    std::string_view name;        ///< "llama2-70b"
    std::string_view alias;       ///< another name, such as "70b"; may be empty
    std::string_view repository;  ///< where it is published: ORG/NAME
    const ModelSeries* series = nullptr;
    std::int64_t hidden = 0;
    std::int64_t intermediate = 0;
    std::int64_t blocks = 0;
    std::int64_t heads = 0;
    std::int64_t key_value_heads = 0;
    double norm_epsilon = 0;
};

/// All of them, in the order in which --help lists them.
std::span<const NamedShape> named_shapes();

/// By name or alias, in letters of either case; nullptr when there is none.
const NamedShape* shape_named(std::string_view name);

/// The config.json of such a model.
std::string configuration_text_of(const NamedShape& shape);

}  // namespace alphaprune::model
