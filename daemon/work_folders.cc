#include "daemon/work_folders.h"

#include <spdlog/spdlog.h>

#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "base/disk_full.h"
#include "base/file.h"
#include "base/status.h"

namespace rn {
namespace {
namespace fs = std::filesystem;

// Hidden, as no item's folder is.
constexpr char kTrash[] = ".trash";
constexpr char kSlot[] = ".slot-";

// One path component, never hidden and never a path: an item id is the coordinator's word.
std::string NameOf(const LeaseKey& key) {
  std::string name;
  for (const char c : key.item_id) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-') {
      name.push_back(c);
    } else {
      absl::StrAppendFormat(&name, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return absl::StrCat(name, "-", key.fence);
}

absl::Status MakeFolder(const fs::path& path) {
  std::error_code error;
  fs::create_directory(path, error);
  return error ? WriteErrnoStatus(error.value(), path.string()) : absl::OkStatus();
}

}  // namespace

WorkFolders::WorkFolders(fs::path root) : root_(std::move(root)), trash_(root_ / kTrash) {}

absl::StatusOr<std::unique_ptr<WorkFolders>> WorkFolders::Open(const fs::path& root,
                                                               const std::set<LeaseKey>& keep) {
  auto folders = std::unique_ptr<WorkFolders>(new WorkFolders(root));
  RETURN_IF_ERROR(CreateDirectories(root));
  std::error_code error;
  fs::remove_all(folders->trash_, error);
  RETURN_IF_ERROR(CreateDirectories(folders->trash_));
  RETURN_IF_ERROR(folders->Sweep(/*slots_too=*/true, keep).status());
  folders->janitor_ = std::thread([folders = folders.get()] { folders->EmptyTrash(); });
  return folders;
}

absl::StatusOr<int> WorkFolders::DiscardAllBut(const std::set<LeaseKey>& keep) {
  return Sweep(/*slots_too=*/false, keep);
}

absl::StatusOr<int> WorkFolders::Sweep(bool slots_too, const std::set<LeaseKey>& keep) {
  std::set<std::string> kept = {kTrash};
  for (const LeaseKey& key : keep) {
    kept.insert(NameOf(key));
  }
  std::vector<fs::path> stale;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(root_, error)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_directory(error) && kept.count(name) == 0 &&
        (slots_too || !absl::StartsWith(name, kSlot))) {
      stale.push_back(entry.path());
    }
  }
  if (error) {
    return ErrnoStatus(error.value(), root_.string());
  }
  for (const fs::path& folder : stale) {
    RETURN_IF_ERROR(MoveToTrash(folder));
  }
  return static_cast<int>(stale.size());
}

WorkFolders::~WorkFolders() {
  trash_changed_.Close();
  if (janitor_.joinable()) {
    janitor_.join();
  }
}

fs::path WorkFolders::PathOf(const LeaseKey& key) const {
  return root_ / NameOf(key);
}

fs::path WorkFolders::SlotFolder(int slot) const {
  return root_ / absl::StrCat(kSlot, slot);
}

absl::StatusOr<fs::path> WorkFolders::OpenSlot(int slot) {
  RETURN_IF_ERROR(MoveToTrash(SlotFolder(slot)));
  RETURN_IF_ERROR(MakeFolder(SlotFolder(slot)));
  return SlotFolder(slot);
}

absl::StatusOr<fs::path> WorkFolders::Create(int slot, const LeaseKey& key) {
  RETURN_IF_ERROR(Empty(slot));
  const fs::path path = SlotFolder(slot) / NameOf(key);
  RETURN_IF_ERROR(MakeFolder(path));
  return path;
}

absl::Status WorkFolders::Finish(int slot, const LeaseKey& key) {
  const fs::path from = SlotFolder(slot) / NameOf(key);
  RETURN_IF_ERROR(MoveToTrash(PathOf(key)));
  std::error_code error;
  fs::rename(from, PathOf(key), error);
  if (error) {
    return ErrnoStatus(error.value(), from.string());
  }
  if (!fs::is_directory(fs::symlink_status(PathOf(key), error))) {
    return absl::InvalidArgumentError(absl::StrCat(from.string(), ": no longer a folder"));
  }
  return absl::OkStatus();
}

void WorkFolders::Clear(int slot) {
  if (const absl::Status status = Empty(slot); !status.ok()) {
    SPDLOG_ERROR("work folder not emptied error=\"{}\"", status.ToString());
  }
}

absl::Status WorkFolders::Empty(int slot) {
  std::error_code error;
  std::vector<fs::path> left;
  for (const auto& entry : fs::directory_iterator(SlotFolder(slot), error)) {
    left.push_back(entry.path());
  }
  if (error) {
    return ErrnoStatus(error.value(), SlotFolder(slot).string());
  }
  for (const fs::path& path : left) {
    RETURN_IF_ERROR(MoveToTrash(path));
  }
  return absl::OkStatus();
}

void WorkFolders::Discard(const LeaseKey& key) {
  if (const absl::Status status = MoveToTrash(PathOf(key)); !status.ok()) {
    SPDLOG_ERROR("work folder not discarded error=\"{}\"", status.ToString());
  }
}

absl::Status WorkFolders::MoveToTrash(const fs::path& folder) {
  {
    MutexLock lock(mutex_);
    std::error_code error;
    fs::rename(folder, trash_ / std::to_string(++trashed_), error);
    if (error == std::errc::no_such_file_or_directory) {
      return absl::OkStatus();
    }
    if (error) {
      return ErrnoStatus(error.value(), folder.string());
    }
  }
  trash_changed_.TryPush(true);  // Full: the janitor is about to look anyway.
  return absl::OkStatus();
}

void WorkFolders::EmptyTrash() {
  while (trash_changed_.Pop().has_value()) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(trash_, error)) {
      std::error_code ignored;  // What stays is tried again with the next.
      fs::remove_all(entry.path(), ignored);
    }
  }
}

}  // namespace rn
