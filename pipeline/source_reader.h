// The files that elements name.
#pragma once

#include <string>

#include "pipeline/fields.h"

namespace rn {

// The local file of "source": a variable of the `wanted` type, "asset:name" or "music:name". Empty
// when it is wrong (reported) or only the template is being checked.
std::string SourceFile(const Fields& fields, VariableType wanted);

}  // namespace rn
