// The bodies of POST /bulk-jobs and POST /sheets/connect, read and checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "catalog/catalog.h"
#include "catalog/sheet.h"
#include "coordinator/api_error.h"
#include "coordinator/store.h"
#include "proto/render.pb.h"

namespace rn {

struct SheetRef {
  std::string sheet_id;
  std::string range_text;  // As the client wrote it.
  SheetRange range;
};

struct BulkJobRequest {
  std::string title;
  JobPriority priority = JobPriority::kNormal;
  absl::Duration processing_deadline = absl::InfiniteDuration();
  SheetRef sheet;
  rendernode::JobSpec spec;
  TemplateOutline outline;   // Of the template.
  std::string callback_url;  // Empty: none.
};

// The template that a body asks for; "" when it names none that can be read.
struct TemplateRef {
  std::string id;
  std::int64_t version = 0;  // 0: the newest.
};
TemplateRef WantedTemplate(absl::string_view body);

// What the tenant has besides the catalog.
struct UploadedTemplates {
  std::optional<CatalogTemplate> wanted;  // The one that the body names.
  std::vector<std::string> ids;           // For the message when it names none that there is.
};

// Every mistake at once, those that the catalog finds in template, overrides and output included.
// `job_id` goes into the spec.
std::variant<BulkJobRequest, std::vector<FieldError>> ParseBulkJobRequest(
    absl::string_view body,
    const std::string& job_id,
    const Catalog& catalog,
    const UploadedTemplates& uploaded = {});

std::variant<SheetRef, std::vector<FieldError>> ParseConnectRequest(absl::string_view body);

// The same for bodies that differ in blanks or order of keys alone; of anything, JSON or not.
std::string BodyDigest(absl::string_view body);

}  // namespace rn
