// What a request to Google says of who asks: an API key, or a service account's access token.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "coordinator/google_account.h"
#include "coordinator/google_call.h"

namespace rn {

// Exactly one of them.
struct GoogleCredentialFiles {
  std::filesystem::path service_account_file;  // A service account's key, as Google's JSON file.
  std::filesystem::path api_key_file;          // An API key alone.

  bool none() const { return service_account_file.empty() && api_key_file.empty(); }
};

// Thread-safe. Files are read again whenever they are needed: keys are changed under a coordinator
// that runs.
class GoogleCredentials {
 public:
  // Reads the file once, to find its mistakes; errors name it. `caller` and `clock`, whose Now()
  // the token's server compares its own with, outlive us.
  static absl::StatusOr<std::unique_ptr<GoogleCredentials>> Open(const GoogleCredentialFiles& files,
                                                                 const std::string& token_url,
                                                                 GoogleCaller& caller,
                                                                 Clock& clock);

  // The line "Name: value" of a request; a secret. A token is fetched anew a minute before it
  // expires; whoever needs it meanwhile waits. Internal: the file, or the account, is no good;
  // Unavailable, DeadlineExceeded: as GoogleCaller::Ask.
  absl::StatusOr<std::string> Header(absl::Duration until);

  // Google does not take `header` any more. False: there is no other.
  bool Forget(const std::string& header);

  // What the owner of a sheet must do for us to read it: "share it with …".
  std::string HowToShare() const;

 private:
  GoogleCredentials(GoogleCredentialFiles files,
                    std::string token_url,
                    GoogleCaller& caller,
                    Clock& clock)
      : files_(std::move(files)),
        token_url_(std::move(token_url)),
        caller_(caller),
        clock_(clock) {}

  absl::Status FetchToken(absl::Duration until) ABSL_EXCLUSIVE_LOCKS_REQUIRED(fetching_);
  absl::Status KeepToken(const OutboundAnswer& answer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(fetching_);

  const GoogleCredentialFiles files_;
  const std::string token_url_;
  GoogleCaller& caller_;  // Outlives us.
  Clock& clock_;          // Outlives us.

  Mutex fetching_;  // Held while Google is asked for a token: one request serves everybody.
  std::string header_ ABSL_GUARDED_BY(fetching_);       // "" = none.
  absl::Duration renew_at_ ABSL_GUARDED_BY(fetching_);  // Since boot.

  mutable Mutex mutex_;
  std::string email_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rn
