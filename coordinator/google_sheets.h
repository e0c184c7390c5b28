// Google Sheets as a source of rows.
//
// Source: Google Sheets API v4, method spreadsheets.values.get; google.rpc.Status.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "coordinator/google_call.h"
#include "coordinator/google_credentials.h"
#include "coordinator/sheet_source.h"

namespace rn {

struct GoogleSheetsOptions {
  std::string api_url = "https://sheets.googleapis.com";
  std::string token_url = "https://oauth2.googleapis.com/token";  // What assertions are for, too.
  GoogleCallOptions calls;
  // Sheets read at once; each holds a thread that answers clients.
  int concurrency_max = 3;
  // Who reads: by tenant, and for all the others. A sheet that is shared with an account is open to
  // every tenant that reads by that account and knows the sheet's id.
  std::map<std::string, GoogleCredentialFiles> tenants;
  GoogleCredentialFiles everybody;
};

// Cells are read as the sheet shows them. Besides what every source returns:
//   ResourceExhausted  Google wants to be asked less; in a minute it may be asked again
//   Internal           the configured credentials do not work
class GoogleSheetSource final : public SheetSource {
 public:
  // Errors name the credentials' file. `clock` outlives us.
  static absl::StatusOr<std::unique_ptr<GoogleSheetSource>> Create(
      const GoogleSheetsOptions& options, Clock& clock);

  absl::StatusOr<Sheet> Read(const std::string& tenant,
                             absl::string_view sheet_id,
                             const SheetRange& range) override;

  // Reads under way end with Cancelled.
  void Stop() { caller_.Stop(); }

 private:
  class Turn;

  GoogleSheetSource(const GoogleSheetsOptions& options, Clock& clock);

  GoogleCredentials* CredentialsOf(const std::string& tenant) const;  // Null: none.
  absl::StatusOr<OutboundAnswer> Get(GoogleCredentials& credentials, const std::string& url);

  const GoogleSheetsOptions options_;
  GoogleCaller caller_;  // Safe by itself.
  std::map<std::string, std::unique_ptr<GoogleCredentials>> tenants_;
  std::unique_ptr<GoogleCredentials> everybody_;  // Null: none.

  Mutex mutex_;
  int reading_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace rn
