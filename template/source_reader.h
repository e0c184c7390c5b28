// The files that elements name, and how the pictures in them fill the elements' boxes.
#pragma once

#include <string>

#include "template/content.h"  // Fit
#include "template/fields.h"

namespace rn {

// The local file of "source": a variable of the `wanted` type, "asset:name" or "music:name". Empty
// when it is wrong (reported) or only the template is being checked.
std::string SourceFile(const Fields& fields, VariableType wanted);

// "fit".
Fit ReadFit(const Fields& fields);

}  // namespace rn
