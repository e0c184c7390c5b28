// Sheets that tenants upload, over the API.
#pragma once

#include <string>

#include "base/clock.h"
#include "coordinator/http.h"
#include "coordinator/sheet_folder.h"
#include "coordinator/sheet_source.h"

namespace rn {

// Each answers one operation of api/openapi.json, for a tenant that may ask for it. Thread-safe;
// blocks on the disk.
class SheetUploads {
 public:
  // The references outlive us. `routing` says which ids lead to `folder`: others are not taken.
  SheetUploads(SheetFolder& folder, SheetRouting routing, Clock& clock)
      : folder_(folder), routing_(std::move(routing)), clock_(clock) {}

  HttpResponse List(const std::string& tenant);
  HttpResponse Get(const std::string& tenant, const std::string& id);
  HttpResponse Post(const std::string& tenant, const HttpRequest& request);  // Under a new id.
  HttpResponse Put(const std::string& tenant, const std::string& id, const HttpRequest& request);
  HttpResponse Delete(const std::string& tenant, const std::string& id, const HttpRequest& request);

 private:
  SheetFolder& folder_;  // Outlives us.
  const SheetRouting routing_;
  Clock& clock_;  // Outlives us.
};

}  // namespace rn
