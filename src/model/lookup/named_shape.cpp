#include "alphaprune/model/named_shape.hpp"

#include <algorithm>
#include <cctype>
#include <utility>
#include <vector>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/model/family.hpp"

namespace alphaprune::model {
namespace {

formats::Json::Object common_fields(const NamedShape& shape) {
    const ModelSeries& series = *shape.series;
    return {{"architectures", formats::Json::Array{series.architecture}},
            {"model_type", series.model_type},
            {"torch_dtype", series.stored_type},
            {"vocab_size", series.vocabulary},
            {"max_position_embeddings", series.max_positions},
            {"hidden_size", shape.hidden},
            {"num_hidden_layers", shape.blocks},
            {"num_attention_heads", shape.heads}};
}

}  // namespace

std::span<const NamedShape> named_shapes() {
    static const std::vector<NamedShape> all = [] {
        std::vector<NamedShape> shapes;
        for (const Family* family : all_families()) {
            shapes.insert(shapes.end(), family->shapes.begin(), family->shapes.end());
        }
        return shapes;
    }();
    return all;
}

const NamedShape* shape_named(std::string_view name) {
    std::string lower(name);
    std::ranges::transform(lower, lower.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto shapes = named_shapes();
    const auto found = std::ranges::find_if(shapes, [&](const NamedShape& shape) {
        return !lower.empty() && (shape.name == lower || shape.alias == lower);
    });
    return found == shapes.end() ? nullptr : &*found;
}

std::string configuration_text_of(const NamedShape& shape) {
    formats::Json::Object config = common_fields(shape);
    for (auto& field : family_of(shape.series->model_type)->configuration_fields(shape)) {
        config.push_back(std::move(field));
    }
    return formats::Json(std::move(config)).dump() + "\n";
}

}  // namespace alphaprune::model
