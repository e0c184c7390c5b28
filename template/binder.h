// A template's JSON and one choice of variant, style and colours → Composition::Model.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "template/composition_model.h"
#include "template/palette.h"
#include "template/variables.h"

namespace rn {

// Everything in a template that a job may choose by name; "" is the template's own.
struct Selection {
  std::string variant, style, color_scheme;
  std::string music;          // "music:name" in place of the bed's source
  int width = 0, height = 0;  // of the output; 0: as the variant says
};

// The job's choice among what the template offers; problems name what it does not.
Selection SelectFor(const nlohmann::json& document,
                    const BindInput& input,
                    std::vector<Problem>* problems);

// Every choice that a template offers, each at least once, for checking it without a job.
std::vector<Selection> EverySelection(const nlohmann::json& document);

// What there is to read.
struct ModelSource {
  const nlohmann::json& document;
  const VariableMap& variables;
  const FontFamilies* fonts;  // that it may name; null: any
};

// `values` and `input` null: only checks, as far as that goes without a row.
std::shared_ptr<const Composition::Model> ReadModel(const ModelSource& source,
                                                    const Selection& selection,
                                                    const VariableValues* values,
                                                    const BindInput* input,
                                                    std::vector<Problem>* problems);

}  // namespace rn
