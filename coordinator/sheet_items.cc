#include "coordinator/sheet_items.h"

#include <cstdint>
#include <map>
#include <string>

#include "proto/item_error.h"

namespace rn {
namespace {

std::map<std::string, std::string> ValuesOf(const Sheet& sheet, const SheetRow& row) {
  std::map<std::string, std::string> values;
  for (std::size_t column = 0; column < sheet.columns.size(); ++column) {
    if (!sheet.variables[column].empty() && !row.cells[column].empty()) {
      values[sheet.variables[column]] = row.cells[column];
    }
  }
  return values;
}

}  // namespace

std::vector<NewItem> ItemsOf(const Sheet& sheet,
                             const rendernode::JobSpec& job,
                             const Catalog& catalog) {
  std::vector<NewItem> items;
  items.reserve(sheet.rows.size());
  for (const SheetRow& row : sheet.rows) {
    const auto number = static_cast<std::uint32_t>(row.number);
    auto spec = catalog.BuildItemSpec(job, number, ValuesOf(sheet, row));
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
