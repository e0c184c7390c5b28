// A sheet's rows as a job's items.
#pragma once

#include <vector>

#include "catalog/sheet.h"
#include "catalog/template_outline.h"
#include "coordinator/store.h"
#include "proto/render.pb.h"

namespace rn {

// One a row, in order. A row that the template cannot use becomes an item that failed already: the
// job goes on without it.
std::vector<NewItem> ItemsOf(const Sheet& sheet,
                             const rendernode::JobSpec& job,
                             const TemplateOutline& outline);

}  // namespace rn
