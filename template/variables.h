// A template's variables: what they may hold, and what one row puts in them.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "template/expression.h"
#include "template/template_model.h"

namespace rn {

using VariableMap = std::map<std::string, VariableInfo>;

std::vector<std::string> VariableNames(const VariableMap& variables);

// From a template's "variables"; defaults are checked against their types.
VariableMap ReadVariables(const nlohmann::json& document, std::vector<Problem>* problems);

// The row's value, else the job's override, else the default. Problems: a required value that is
// empty, one too long, not UTF-8 or not of its type; an unknown column or override.
VariableValues ValuesOf(const VariableMap& variables,
                        const BindInput& input,
                        std::vector<Problem>* problems);

}  // namespace rn
