#include "coordinator/sheet_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>
#include <tuple>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "catalog/csv.h"
#include "catalog/xlsx.h"
#include "coordinator/auth.h"

namespace rn {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kTabCharsMax = 100;  // As in Google Sheets.
constexpr SheetFormat kFormats[] = {SheetFormat::kCsv, SheetFormat::kXlsx};
// All that a job could use, to see whether a file can be read.
const SheetRange kWhole = {
    .first_row = 1, .last_row = kSheetRowsMax + 1, .last_column = kSheetColumnsMax};

bool ValidTab(absl::string_view tab) {
  return tab.size() <= kTabCharsMax && tab.find_first_of("/\\") == absl::string_view::npos &&
         !absl::StartsWith(tab, ".") && IsUtf8(tab) &&
         std::none_of(tab.begin(), tab.end(), absl::ascii_iscntrl);
}

bool NamesTheFirst(const std::string& tab) {
  return tab.empty() || tab == "Sheet" || tab == "Sheet1";
}

absl::Status NoSheet(absl::string_view id) {
  return absl::NotFoundError(absl::StrCat("there is no sheet \"", id, "\""));
}

std::string ExtensionOf(SheetFormat format) {
  return absl::StrCat(".", SheetFormatName(format));
}

// Nothing: no such file.
absl::StatusOr<std::optional<StoredSheet>> Look(const fs::path& path,
                                                const std::string& id,
                                                SheetFormat format) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) {
    return errno == ENOENT ? absl::StatusOr<std::optional<StoredSheet>>(std::nullopt)
                           : ErrnoStatus(errno, path.string());
  }
  if (!S_ISREG(info.st_mode)) {
    return std::nullopt;
  }
  return StoredSheet{.id = id,
                     .format = format,
                     .bytes = info.st_size,
                     .updated_at = absl::TimeFromTimespec(info.st_mtim),
                     .is_new = false};
}

absl::StatusOr<Sheet> Parse(absl::string_view bytes, SheetFormat format, const SheetRange& range) {
  switch (format) {
    case SheetFormat::kCsv:
      return LooksLikeXlsx(bytes) ? absl::InvalidArgumentError("this is a workbook and no CSV file")
                                  : SheetFromCsv(bytes, range);
    case SheetFormat::kXlsx:
      return SheetFromXlsx(bytes, range);
  }
  return absl::InternalError("no such format of sheets");
}

}  // namespace

std::string SheetFormatName(SheetFormat format) {
  switch (format) {
    case SheetFormat::kCsv:
      return "csv";
    case SheetFormat::kXlsx:
      return "xlsx";
  }
  return "";
}

SheetFolder::SheetFolder(fs::path folder, const SheetFolderLimits& limits)
    : folder_(std::move(folder)), limits_(limits) {}

fs::path SheetFolder::PathOf(const std::string& tenant,
                             absl::string_view sheet_id,
                             SheetFormat format) const {
  return folder_ / tenant / absl::StrCat(sheet_id, ExtensionOf(format));
}

absl::StatusOr<std::string> SheetFolder::ReadBytes(const fs::path& path,
                                                   absl::string_view sheet_id) const {
  absl::StatusOr<std::string> bytes = ReadFile(path, limits_.file_bytes_max);
  if (absl::IsResourceExhausted(bytes.status())) {
    return absl::InvalidArgumentError(
        absl::StrCat("sheet \"", sheet_id, "\" is larger than ", limits_.file_bytes_max, " bytes"));
  }
  return bytes;
}

absl::StatusOr<Sheet> SheetFolder::Read(const std::string& tenant,
                                        absl::string_view sheet_id,
                                        const SheetRange& range) {
  RETURN_IF_ERROR(CheckTenantName(tenant));
  RETURN_IF_ERROR(Annotate(CheckSheetId(sheet_id), "sheet_id"));
  if (!ValidTab(range.tab)) {
    return absl::InvalidArgumentError("the range names a tab that cannot exist");
  }
  const std::string what = absl::StrCat("sheet \"", sheet_id, "\"");
  // A tab's own file first: it is what was asked for by name.
  if (!range.tab.empty()) {
    const auto tab = ReadBytes(
        folder_ / tenant / std::string(sheet_id) / absl::StrCat(range.tab, ".csv"), sheet_id);
    if (tab.ok()) {
      return SheetFromCsv(*tab, range);
    }
    if (!absl::IsNotFound(tab.status())) {
      return Annotate(tab.status(), what);
    }
  }
  const auto csv = ReadBytes(PathOf(tenant, sheet_id, SheetFormat::kCsv), sheet_id);
  const auto xlsx = ReadBytes(PathOf(tenant, sheet_id, SheetFormat::kXlsx), sheet_id);
  if (absl::IsNotFound(csv.status()) && absl::IsNotFound(xlsx.status())) {
    return NoSheet(sheet_id);
  }
  if (!absl::IsNotFound(csv.status()) && !absl::IsNotFound(xlsx.status())) {
    return absl::InvalidArgumentError(absl::StrCat(
        what, " is there twice, as .csv and as .xlsx; delete it, or one of the files"));
  }
  if (absl::IsNotFound(csv.status())) {
    RETURN_IF_ERROR(Annotate(xlsx.status(), what));
    auto sheet = SheetFromXlsx(*xlsx, range);
    return absl::IsNotFound(sheet.status()) ? Annotate(sheet.status(), what) : sheet;
  }
  RETURN_IF_ERROR(Annotate(csv.status(), what));
  if (!NamesTheFirst(range.tab)) {
    return absl::NotFoundError(absl::StrCat(what, " has no tab \"", range.tab, "\""));
  }
  return SheetFromCsv(*csv, range);
}

absl::StatusOr<StoredSheet> SheetFolder::Put(const std::string& tenant,
                                             const std::string& sheet_id,
                                             SheetFormat format,
                                             absl::string_view bytes) {
  RETURN_IF_ERROR(CheckTenantName(tenant));
  RETURN_IF_ERROR(Annotate(CheckSheetId(sheet_id), "the sheet's id"));
  if (static_cast<std::int64_t>(bytes.size()) > limits_.file_bytes_max) {
    return absl::OutOfRangeError(absl::StrCat(
        "the sheet is ", bytes.size(), " bytes long; at most ", limits_.file_bytes_max));
  }
  RETURN_IF_ERROR(Parse(bytes, format, kWhole).status());
  MutexLock lock(writing_);
  RETURN_IF_ERROR(CreateDirectories(folder_ / tenant));
  ASSIGN_OR_RETURN(const std::vector<StoredSheet> all, List(tenant));
  const auto old = std::find_if(
      all.begin(), all.end(), [&](const StoredSheet& one) { return one.id == sheet_id; });
  if (old != all.end() && old->format != format) {
    return absl::FailedPreconditionError(absl::StrCat("sheet \"",
                                                      sheet_id,
                                                      "\" is there as ",
                                                      SheetFormatName(old->format),
                                                      "; delete it first"));
  }
  if (old == all.end() && all.size() >= static_cast<std::size_t>(limits_.per_tenant_max)) {
    return absl::ResourceExhaustedError(
        absl::StrCat("there are ", all.size(), " sheets; at most ", limits_.per_tenant_max));
  }
  RETURN_IF_ERROR(WriteFileDurably(PathOf(tenant, sheet_id, format), bytes));
  ASSIGN_OR_RETURN(StoredSheet stored, Find(tenant, sheet_id));
  stored.is_new = old == all.end();
  return stored;
}

absl::StatusOr<std::vector<StoredSheet>> SheetFolder::List(const std::string& tenant) const {
  RETURN_IF_ERROR(CheckTenantName(tenant));
  std::vector<StoredSheet> all;
  std::error_code error;
  fs::directory_iterator entry(folder_ / tenant, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const fs::path& path = entry->path();
    const std::string id = path.stem().string();
    for (const SheetFormat format : kFormats) {
      if (path.extension() == ExtensionOf(format) && CheckSheetId(id).ok()) {
        ASSIGN_OR_RETURN(std::optional<StoredSheet> sheet, Look(path, id, format));
        if (sheet.has_value()) {  // Else it was deleted meanwhile.
          all.push_back(*std::move(sheet));
        }
      }
    }
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return ErrnoStatus(error.value(), (folder_ / tenant).string());
  }
  std::sort(all.begin(), all.end(), [](const StoredSheet& a, const StoredSheet& b) {
    return std::tie(a.id, a.format) < std::tie(b.id, b.format);
  });
  return all;
}

absl::StatusOr<StoredSheet> SheetFolder::Find(const std::string& tenant,
                                              const std::string& sheet_id) const {
  RETURN_IF_ERROR(CheckTenantName(tenant));
  if (!CheckSheetId(sheet_id).ok()) {
    return NoSheet(sheet_id);
  }
  for (const SheetFormat format : kFormats) {
    ASSIGN_OR_RETURN(std::optional<StoredSheet> sheet,
                     Look(PathOf(tenant, sheet_id, format), sheet_id, format));
    if (sheet.has_value()) {
      return *std::move(sheet);
    }
  }
  return NoSheet(sheet_id);
}

absl::Status SheetFolder::Remove(const std::string& tenant, const std::string& sheet_id) {
  RETURN_IF_ERROR(Find(tenant, sheet_id).status());
  MutexLock lock(writing_);
  for (const SheetFormat format : kFormats) {
    const fs::path path = PathOf(tenant, sheet_id, format);
    if (unlink(path.c_str()) != 0 && errno != ENOENT) {
      return ErrnoStatus(errno, path.string());
    }
  }
  return SyncDirectory(folder_ / tenant);
}

}  // namespace rn
