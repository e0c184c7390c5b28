#include "catalog/zip_archive.h"

#include <zip.h>

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace rn {
namespace {

constexpr std::size_t kBlockBytes = 64 << 10;

struct CloseFile {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};

absl::Status Damaged(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("the file is damaged: ", what));
}

std::string TextOf(zip_error_t* error) {
  std::string text = zip_error_strerror(error);
  zip_error_fini(error);
  return text;
}

class LibzipArchive final : public ZipArchive {
 public:
  LibzipArchive(zip_t* archive, const ZipLimits& limits) : archive_(archive), limits_(limits) {}
  ~LibzipArchive() override { zip_discard(archive_); }

  absl::Status Read(const std::string& name, const Take& take) override {
    const zip_int64_t found = zip_name_locate(archive_, name.c_str(), ZIP_FL_NOCASE);
    if (found < 0) {
      return absl::NotFoundError(absl::StrCat("it has no part ", name));
    }
    const auto index = static_cast<zip_uint64_t>(found);
    zip_stat_t facts;
    if (zip_stat_index(archive_, index, 0, &facts) != 0) {
      return Damaged(zip_strerror(archive_));
    }
    if ((facts.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && facts.encryption_method != ZIP_EM_NONE) {
      return absl::InvalidArgumentError("the file is encrypted; save it without a password");
    }
    const std::unique_ptr<zip_file_t, CloseFile> file(zip_fopen_index(archive_, index, 0));
    if (file == nullptr) {
      return Damaged(zip_strerror(archive_));
    }
    return Pump(*file, take);
  }

 private:
  absl::Status Pump(zip_file_t& file, const Take& take) {
    std::array<char, kBlockBytes> block;
    while (true) {
      const zip_int64_t got = zip_fread(&file, block.data(), block.size());
      if (got < 0) {
        return Damaged(zip_file_strerror(&file));
      }
      if (got == 0) {
        return absl::OkStatus();
      }
      expanded_ += got;
      if (expanded_ > limits_.expanded_bytes_max) {
        return absl::InvalidArgumentError(
            absl::StrCat("the file expands to more than ", limits_.expanded_bytes_max, " bytes"));
      }
      ASSIGN_OR_RETURN(const bool more, take({block.data(), static_cast<std::size_t>(got)}));
      if (!more) {
        return absl::OkStatus();
      }
    }
  }

  zip_t* const archive_;  // Owned.
  const ZipLimits limits_;
  std::int64_t expanded_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ZipArchive>> ZipArchive::Open(absl::string_view bytes,
                                                             const ZipLimits& limits) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_buffer_create(bytes.data(), bytes.size(), /*freep=*/0, &error);
  if (source == nullptr) {
    return Damaged(TextOf(&error));
  }
  zip_t* archive = zip_open_from_source(source, ZIP_RDONLY, &error);
  if (archive == nullptr) {
    zip_source_free(source);
    return Damaged(TextOf(&error));
  }
  zip_error_fini(&error);
  auto opened = std::make_unique<LibzipArchive>(archive, limits);
  if (zip_get_num_entries(archive, 0) > limits.parts_max) {
    return absl::InvalidArgumentError(
        absl::StrCat("the file has more than ", limits.parts_max, " parts"));
  }
  return opened;
}

}  // namespace rn
