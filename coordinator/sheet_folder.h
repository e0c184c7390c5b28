// A folder of sheets that are files: CSV and Excel workbooks, put there by an operator or uploaded.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "coordinator/sheet_source.h"

namespace rn {

enum class SheetFormat { kCsv, kXlsx };

// "csv", "xlsx".
std::string SheetFormatName(SheetFormat format);

struct SheetFolderLimits {
  std::int64_t file_bytes_max = 16 << 20;
  int per_tenant_max = 200;  // Files; beyond, no more are taken.
};

struct StoredSheet {
  std::string id;
  SheetFormat format = SheetFormat::kCsv;
  std::int64_t bytes = 0;
  absl::Time updated_at;
  bool is_new = true;  // Put made it, and replaced none.
};

// `<tenant>/<sheet_id>.csv` and `<tenant>/<sheet_id>.xlsx`; csv.h and xlsx.h say what may be in
// them. A tab of a CSV sheet is `<tenant>/<sheet_id>/<tab>.csv`; "Sheet" and "Sheet1" also name
// `<sheet_id>.csv` itself. Thread-safe; several processes may share a folder.
class SheetFolder final : public SheetSource {
 public:
  explicit SheetFolder(std::filesystem::path folder, const SheetFolderLimits& limits = {});

  absl::StatusOr<Sheet> Read(const std::string& tenant,
                             absl::string_view sheet_id,
                             const SheetRange& range) override;

  // A sheet of that id, instead of what there was; durable, and seen whole or not at all.
  //   InvalidArgument     no id, or no file of that format
  //   OutOfRange          longer than there may be
  //   FailedPrecondition  a sheet of that id is of the other format
  //   ResourceExhausted   the tenant has as many sheets as there may be
  absl::StatusOr<StoredSheet> Put(const std::string& tenant,
                                  const std::string& sheet_id,
                                  SheetFormat format,
                                  absl::string_view bytes);

  // By id. Tabs that are files of their own are not listed.
  absl::StatusOr<std::vector<StoredSheet>> List(const std::string& tenant) const;

  // NotFound: no such sheet.
  absl::StatusOr<StoredSheet> Find(const std::string& tenant, const std::string& sheet_id) const;
  absl::Status Remove(const std::string& tenant, const std::string& sheet_id);

 private:
  absl::StatusOr<std::string> ReadBytes(const std::filesystem::path& path,
                                        absl::string_view sheet_id) const;
  std::filesystem::path PathOf(const std::string& tenant,
                               absl::string_view sheet_id,
                               SheetFormat format) const;

  const std::filesystem::path folder_;
  const SheetFolderLimits limits_;
  Mutex writing_;  // So that a quota and a format are looked at and kept to in one step.
};

}  // namespace rn
