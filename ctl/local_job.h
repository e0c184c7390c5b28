// A template, overrides and rows as a person names them on a command line: what a coordinator makes
// of a request, without one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "catalog/catalog.h"
#include "catalog/sheet.h"
#include "proto/render.pb.h"
#include "template/template_model.h"

namespace rn {

inline constexpr char kTemplatesFolder[] = "/usr/share/rendernode/templates";

struct LocalJobArgs {
  std::string template_name;  // An id of the templates folder, or a file.
  std::string templates;      // That folder; "": the file's own where it has a voices.json, else
                              // kTemplatesFolder.
  std::vector<std::string> overrides;  // "style=modern"
  std::string resolution;              // "1080p"; "" = the template's
  std::string aspect_ratio;            // "9:16"; "" = the template's
};

// "NAME=VALUE", each name once. InvalidArgument names `option`.
absl::StatusOr<std::map<std::string, std::string>> ParseAssignments(
    const std::vector<std::string>& assignments, const std::string& option);

// A CSV file as the coordinator reads a sheet.
absl::StatusOr<Sheet> ReadSheetFile(const std::filesystem::path& file);

class LocalJob {
 public:
  // InvalidArgument: every mistake of template and overrides, a line each.
  static absl::StatusOr<LocalJob> Open(const LocalJobArgs& args);

  const rendernode::JobSpec& spec() const { return spec_; }
  const Template& parsed() const { return template_; }

  // Is it a variable of the template whose value is a file?
  bool NamesFile(const std::string& variable) const;

  // InvalidArgument: the names among `columns` that are not the template's; `where` says whose they
  // are.
  absl::Status CheckColumns(const std::vector<std::string>& columns,
                            const std::string& where) const;

  // One row, ready for Render. Values that name files may be URLs or local paths, relative ones
  // from `folder`. InvalidArgument: as Catalog::BuildItemSpec, or a local file that is not there.
  absl::StatusOr<rendernode::ItemSpec> Item(std::uint32_t row,
                                            std::map<std::string, std::string> values,
                                            const std::filesystem::path& folder) const;

 private:
  LocalJob(Catalog catalog, Template parsed, rendernode::JobSpec spec)
      : catalog_(std::move(catalog)), template_(std::move(parsed)), spec_(std::move(spec)) {}

  Catalog catalog_;
  Template template_;
  rendernode::JobSpec spec_;
};

// The local file of a "file://" URL; nothing for other URLs.
std::string LocalPathOf(const std::string& url);

}  // namespace rn
