#include "coordinator/sheet_items.h"

#include <cstdint>
#include <optional>
#include <string>

#include "catalog/catalog.h"
#include "proto/item_error.h"

namespace rn {

std::vector<NewItem> ItemsOf(const Sheet& sheet,
                             const rendernode::JobSpec& job,
                             const TemplateOutline& outline) {
  std::vector<NewItem> items;
  items.reserve(sheet.rows.size());
  for (const SheetRow& row : sheet.rows) {
    const auto number = static_cast<std::uint32_t>(row.number);
    const std::optional<std::string> error = sheet.ErrorIn(row);
    absl::StatusOr<rendernode::ItemSpec> spec =
        error.has_value() ? WithItemError(absl::InvalidArgumentError(*error),
                                          rendernode::ITEM_ERROR_TEMPLATE_RENDER_ERROR)
                          : Catalog::BuildItemSpec(job, outline, number, sheet.ValuesOf(row));
    NewItem& item = items.emplace_back();
    if (spec.ok()) {
      item.spec = *std::move(spec);
    } else {
      item.spec.set_row(number);
      item.error = ItemError{ItemErrorOf(spec.status()), std::string(spec.status().message())};
    }
  }
  return items;
}

}  // namespace rn
