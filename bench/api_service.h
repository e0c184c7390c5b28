// A coordinator that is measured from its clients' side, in the clear or over TLS.
#pragma once

#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "tests/coordinator/http_client.h"
#include "tests/e2e/farm.h"
#include "tests/fakes/test_ca.h"

namespace rn {

// One thread, but for Connect, ca_file and Headers.
class ApiService {
 public:
  // With leases as a farm has them, and no nodes.
  static absl::StatusOr<std::unique_ptr<ApiService>> Start(bool tls) {
    ASSIGN_OR_RETURN(TempDir folder, TempDir::Create("api_service-"));
    std::unique_ptr<ApiService> service(new ApiService(std::move(folder)));
    FarmOptions options{.nodes = 0,
                        .sync_interval = absl::Seconds(5),
                        .lease_ttl = absl::Seconds(30),
                        .reassign_grace = absl::Seconds(10)};
    if (tls) {
      const TestIdentity identity =
          service->authority_.Issue("coordinator", {.names = "IP:127.0.0.1"});
      options.coordinator_config = absl::StrCat("[http.tls]\ncert_file = \"",
                                                identity.certificate.string(),
                                                "\"\nkey_file = \"",
                                                identity.key.string(),
                                                "\"\n");
      service->ca_file_ = service->authority_.path().string();
    }
    ASSIGN_OR_RETURN(service->farm_, Farm::Create(options));
    return service;
  }

  Farm& farm() { return *farm_; }
  const Farm& farm() const { return *farm_; }
  // "": no TLS.
  const std::string& ca_file() const { return ca_file_; }
  HttpClient Connect() const { return HttpClient(farm_->http_port(), ca_file_); }
  static std::vector<std::string> Headers() {
    return {absl::StrCat("Authorization: Bearer ", Farm::kApiKey)};
  }

  void WriteSheet(const std::string& id, int rows) {
    farm_->WriteSheet(
        id,
        std::vector<std::array<std::string, 3>>(
            static_cast<std::size_t>(rows),
            {"A title of some words", "A short narration of one sentence.", "speaker.jpg"}));
  }

  // A workbook becomes that sheet; the id begins with "file_".
  static absl::Status PutWorkbook(HttpClient& client,
                                  const std::string& id,
                                  const std::string& xlsx) {
    std::vector<std::string> headers = Headers();
    headers.push_back(
        "Content-Type: application/vnd.openxmlformats-officedocument.spreadsheetml.sheet");
    const HttpReply reply =
        client.Call(absl::StrCat("/api/v1/sheets/", id),
                    {.method = "PUT", .headers = std::move(headers), .body = xlsx});
    return reply.status == 201
               ? absl::OkStatus()
               : absl::InternalError(
                     absl::StrCat("a workbook was answered with ", reply.status, ": ", reply.body));
  }

  static absl::Status ConnectSheet(HttpClient& client, const std::string& sheet) {
    const nlohmann::json body = {{"sheet_id", sheet}, {"range", "A1:Z10001"}};
    const HttpReply reply = client.Call(
        "/api/v1/sheets/connect", {.method = "POST", .headers = Headers(), .body = body.dump()});
    return reply.status == 200 ? absl::OkStatus()
                               : absl::InternalError(absl::StrCat(
                                     "a sheet was answered with ", reply.status, ": ", reply.body));
  }

  // The job's id.
  static absl::StatusOr<std::string> PostJob(HttpClient& client, const std::string& sheet) {
    const nlohmann::json body = {
        {"title", sheet},
        {"input_source", {{"type", "sheet"}, {"sheet_id", sheet}, {"range", "A1:Z10001"}}},
        {"output", {{"format", "mp4"}, {"output_bucket", "videos"}}},
        {"template", {{"template_id", Farm::kTemplate}}}};
    const HttpReply reply = client.Call(
        "/api/v1/bulk-jobs", {.method = "POST", .headers = Headers(), .body = body.dump()});
    if (reply.status != 201) {
      return absl::InternalError(
          absl::StrCat("a job was answered with ", reply.status, ": ", reply.body));
    }
    return nlohmann::json::parse(reply.body).at("id").get<std::string>();
  }

 private:
  explicit ApiService(TempDir folder) : folder_(std::move(folder)) {}

  const TempDir folder_;
  const TestCa authority_{folder_.path(), "authority"};
  std::string ca_file_;
  std::unique_ptr<Farm> farm_;
};

}  // namespace rn
