#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/secret_file.h"
#include "base/status.h"
#include "ctl/action.h"
#include "ctl/bulk_client.h"
#include "ctl/terminal.h"

namespace rn {
namespace {

using nlohmann::json;

constexpr char kKeyVariable[] = "RENDERNODE_ADMIN_KEY";
constexpr char kDefaultLimit[] = "default";  // As the coordinator's configuration says.
constexpr absl::string_view kKeyPrefix = "rn_live_";
constexpr std::size_t kKeyIdChars = 12;
constexpr std::int64_t kKeyFileBytesMax = 4096;
constexpr std::int64_t kDayS = std::int64_t{24} * 3600;

struct AdminArgs {
  std::string server = "http://127.0.0.1:8080";
  std::string key_file = "/var/lib/rendernode-coordinator/admin.key";
  bool as_json = false;
};

struct TenantArgs {
  std::string id, title, items_open_max, items_per_day_max, items_running_max, weight;
};

struct KeyArgs {
  std::string tenant, title, id;
  std::vector<std::string> scopes;
  bool of_operator = false;
  std::int64_t expires_days = 0;
};

struct AuditArgs {
  std::string since;
  std::size_t count_max = 50;
};

enum class Repeat { kYes, kNo };

absl::StatusOr<std::string> AdminKey(const AdminArgs& args) {
  if (const char* key = std::getenv(kKeyVariable); key != nullptr && *key != '\0') {
    return std::string(key);
  }
  absl::StatusOr<std::string> key = ReadSecret(args.key_file, kKeyFileBytesMax);
  if (key.ok()) {
    return key;
  }
  return absl::Status(key.status().code(),
                      absl::StrCat(key.status().message(),
                                   ": run this where the coordinator runs, as who may read its "
                                   "admin key (--key-file), or set ",
                                   kKeyVariable));
}

absl::StatusOr<BulkClient> Client(const AdminArgs& args, Repeat repeat = Repeat::kYes) {
  ASSIGN_OR_RETURN(std::string key, AdminKey(args));
  return BulkClient({.server = args.server,
                     .api_key = std::move(key),
                     .repeat_unanswered = repeat == Repeat::kYes});
}

absl::StatusOr<json> Send(const AdminArgs& args,
                          const char* method,
                          const std::string& path,
                          const json& body,
                          Repeat repeat = Repeat::kYes) {
  ASSIGN_OR_RETURN(const BulkClient client, Client(args, repeat));
  return client.Ask({.method = method,
                     .url = absl::StrCat("/admin", path),
                     .body = body.dump(-1, ' ', false, json::error_handler_t::replace)});
}

// What a person sees of a value; null is nothing said.
std::string Shown(const json& object, const char* key, const char* if_null = "-") {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) {
    return if_null;
  }
  return found->is_string() ? found->get<std::string>() : found->dump();
}

// "2026-01-31 12:00:00Z": nobody needs the milliseconds.
std::string ShownTime(const json& object, const char* key, const char* if_null = "-") {
  const std::string text = Shown(object, key, if_null);
  absl::Time time;
  return absl::ParseTime(absl::RFC3339_full, text, &time, nullptr)
             ? absl::FormatTime("%Y-%m-%d %H:%M:%SZ", time, absl::UTCTimeZone())
             : text;
}

using Columns = std::vector<std::string>;

Columns TenantRow(const json& tenant) {
  const json limits = tenant.value("limits", json::object());
  return {Shown(tenant, "id"),
          Shown(tenant, "state"),
          Shown(limits, "items_open_max", kDefaultLimit),
          Shown(limits, "items_per_day_max", kDefaultLimit),
          Shown(limits, "items_running_max", kDefaultLimit),
          Shown(limits, "weight", kDefaultLimit),
          ShownTime(tenant, "created_at"),
          Shown(tenant, "title")};
}
const Columns kTenantHeads = {
    "tenant", "state", "open max", "per day max", "running max", "weight", "created", "title"};

Columns KeyRow(const json& key) {
  const json scopes = key.value("scopes", json::array());
  std::vector<std::string> names;
  for (const json& scope : scopes) {
    names.push_back(scope.is_string() ? scope.get<std::string>() : scope.dump());
  }
  return {Shown(key, "name"),
          Shown(key, "tenant", "(operator)"),
          Shown(key, "state"),
          ShownTime(key, "last_used_at", "never"),
          ShownTime(key, "expires_at", "never"),
          absl::StrJoin(names, " "),
          Shown(key, "title")};
}
const Columns kKeyHeads = {"key", "tenant", "state", "last used", "expires", "scopes", "title"};

Columns AuditRow(const json& entry) {
  const json detail = entry.value("detail", json::object());
  return {ShownTime(entry, "at"),
          Shown(entry, "who"),
          Shown(entry, "what"),
          Shown(entry, "target"),
          detail.empty() ? "" : detail.dump(),
          Shown(entry, "correlation_id")};
}
const Columns kAuditHeads = {"at", "who", "what", "target", "detail", "correlation id"};

// A table, or an object a line.
void Print(const AdminArgs& args,
           const json& list,
           const Columns& heads,
           Columns (*row)(const json&)) {
  std::vector<Columns> table = {heads};
  for (const json& one : list) {
    if (args.as_json) {
      std::printf("%s\n", one.dump().c_str());
    } else {
      table.push_back(row(one));
    }
  }
  if (!args.as_json) {
    std::printf("%s", Table(table).c_str());
  }
}

absl::Status PrintTenant(const AdminArgs& args, const absl::StatusOr<json>& tenant) {
  RETURN_IF_ERROR(tenant.status());
  Print(args, json::array({*tenant}), kTenantHeads, TenantRow);
  return absl::OkStatus();
}

// Into `body`, which then has every limit that was named.
absl::Status AddLimit(const std::string& text, const char* name, const char* option, json& body) {
  std::int64_t limit = 0;
  if (text.empty()) {
    return absl::OkStatus();
  }
  if (text == kDefaultLimit) {
    body["limits"][name] = nullptr;
    return absl::OkStatus();
  }
  if (!absl::SimpleAtoi(text, &limit)) {
    return absl::InvalidArgumentError(absl::StrCat(
        option, " ", text, ": give a number, 0 for no bound, or \"", kDefaultLimit, "\""));
  }
  body["limits"][name] = limit;
  return absl::OkStatus();
}

absl::StatusOr<json> BodyOf(const TenantArgs& args) {
  json body = json::object();
  if (!args.title.empty()) {
    body["title"] = args.title;
  }
  RETURN_IF_ERROR(AddLimit(args.items_open_max, "items_open_max", "--items-open-max", body));
  RETURN_IF_ERROR(
      AddLimit(args.items_per_day_max, "items_per_day_max", "--items-per-day-max", body));
  RETURN_IF_ERROR(
      AddLimit(args.items_running_max, "items_running_max", "--items-running-max", body));
  double weight = 0;
  if (args.weight == kDefaultLimit) {
    body["limits"]["weight"] = nullptr;
  } else if (absl::SimpleAtod(args.weight, &weight)) {
    body["limits"]["weight"] = weight;
  } else if (!args.weight.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--weight ", args.weight, ": give a number, or \"", kDefaultLimit, "\""));
  }
  return body;
}

absl::Status CreateTenant(const AdminArgs& admin, const TenantArgs& args) {
  ASSIGN_OR_RETURN(json body, BodyOf(args));
  body["id"] = args.id;
  return PrintTenant(admin, Send(admin, "POST", "/tenants", body, Repeat::kNo));
}

absl::Status SetTenant(const AdminArgs& admin, const TenantArgs& args) {
  ASSIGN_OR_RETURN(const json body, BodyOf(args));
  if (body.empty()) {
    return absl::InvalidArgumentError(
        "nothing to set: give --title, --weight, or a limit as --items-open-max");
  }
  return PrintTenant(admin, Send(admin, "PATCH", absl::StrCat("/tenants/", args.id), body));
}

absl::Status SetTenantState(const AdminArgs& admin, const std::string& id, const char* state) {
  return PrintTenant(admin,
                     Send(admin, "PATCH", absl::StrCat("/tenants/", id), {{"state", state}}));
}

absl::Status ShowTenant(const AdminArgs& admin, const std::string& id) {
  ASSIGN_OR_RETURN(const BulkClient client, Client(admin));
  return PrintTenant(admin, client.Ask({.url = absl::StrCat("/admin/tenants/", id)}));
}

absl::Status List(const AdminArgs& admin,
                  const std::string& path,
                  const Columns& heads,
                  Columns (*row)(const json&),
                  std::size_t count_max = 0) {
  ASSIGN_OR_RETURN(const BulkClient client, Client(admin));
  ASSIGN_OR_RETURN(const json list, client.ListAll(absl::StrCat("/admin", path), count_max));
  Print(admin, list, heads, row);
  return absl::OkStatus();
}

absl::Status CreateKey(const AdminArgs& admin, const KeyArgs& args) {
  if (args.of_operator == !args.tenant.empty()) {
    return absl::InvalidArgumentError("say whose key it is to be: a tenant's name, or --operator");
  }
  json body = {{"scopes", args.scopes}};
  if (args.scopes.empty()) {
    body["scopes"] = args.of_operator
                         ? std::vector<std::string>{"admin", "nodes:read", "nodes:write"}
                         : std::vector<std::string>{"jobs:read", "jobs:write", "sheets:connect"};
  }
  if (!args.of_operator) {
    body["tenant"] = args.tenant;
  }
  if (!args.title.empty()) {
    body["title"] = args.title;
  }
  if (args.expires_days > 0) {
    body["expires_in_s"] = args.expires_days * kDayS;
  }
  ASSIGN_OR_RETURN(const json made, Send(admin, "POST", "/keys", body, Repeat::kNo));
  if (admin.as_json) {
    std::printf("%s\n", made.dump().c_str());
    return absl::OkStatus();
  }
  std::printf("%s\n", Shown(made, "key").c_str());
  std::fflush(stdout);
  const json shown = json::array({made});
  std::fprintf(stderr,
               "%sThis is the only time that the key is shown.\n",
               Table({kKeyHeads, KeyRow(shown.front())}).c_str());
  return absl::OkStatus();
}

absl::Status RevokeKey(const AdminArgs& admin, absl::string_view id) {
  // As lists show it, or the whole key.
  if (absl::ConsumePrefix(&id, kKeyPrefix)) {
    id = id.substr(0, kKeyIdChars);
  }
  ASSIGN_OR_RETURN(const json key,
                   Send(admin, "POST", absl::StrCat("/keys/", id, "/revoke"), json::object()));
  Print(admin, json::array({key}), kKeyHeads, KeyRow);
  return absl::OkStatus();
}

// "24h", "30m", "7d" ago, or a time.
absl::StatusOr<absl::Time> SinceTime(const std::string& text) {
  absl::Time time;
  if (absl::ParseTime(absl::RFC3339_full, text, &time, nullptr)) {
    return time;
  }
  absl::Duration ago;
  std::int64_t days = 0;
  absl::string_view number = text;
  if (absl::ConsumeSuffix(&number, "d") && absl::SimpleAtoi(number, &days)) {
    ago = absl::Hours(24 * days);
  } else if (!absl::ParseDuration(text, &ago)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--since ", text, ": give \"24h\", \"7d\" or \"2026-01-31T12:00:00Z\""));
  }
  return Clock::System().Now() - ago;
}

absl::Status ShowAudit(const AdminArgs& admin, const AuditArgs& args) {
  std::string query;
  if (!args.since.empty()) {
    ASSIGN_OR_RETURN(const absl::Time since, SinceTime(args.since));
    query = absl::StrCat("?since=",
                         absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", since, absl::UTCTimeZone()));
  }
  return List(admin, absl::StrCat("/audit", query), kAuditHeads, AuditRow, args.count_max);
}

void AddTenantCommands(CLI::App& admin, const std::shared_ptr<AdminArgs>& common, Action* action) {
  CLI::App* tenant = admin.add_subcommand("tenant", "Who may use the farm, and how much of it");
  tenant->require_subcommand(1);
  auto args = std::make_shared<TenantArgs>();
  const auto add = [&](const char* name, const char* help, std::function<absl::Status()> run) {
    CLI::App* command = tenant->add_subcommand(name, help);
    command->callback([=] { *action = run; });
    command->add_flag("--json", common->as_json, "An object a line");
    return command;
  };
  const auto add_for_one =
      [&](const char* name, const char* help, std::function<absl::Status()> run) {
        CLI::App* command = add(name, help, std::move(run));
        command->add_option("tenant", args->id, "Letters, digits, \"-\" and \"_\"")->required();
        return command;
      };
  const auto add_settings = [&](CLI::App* command) {
    command->add_option("--title", args->title, "For people");
    command->add_option(
        "--items-open-max",
        args->items_open_max,
        "Videos that wait or are under way; 0: no bound, \"default\": as configured");
    command->add_option("--items-per-day-max", args->items_per_day_max, "In 24 hours; as above");
    command->add_option(
        "--items-running-max", args->items_running_max, "That nodes have at once; as above");
    command->add_option("--weight",
                        args->weight,
                        "Its share of the farm beside others', 0.01 to 1000; or \"default\"");
  };
  add_settings(add_for_one("create", "A new one", [=] { return CreateTenant(*common, *args); }));
  add_settings(add_for_one(
      "set", "Change what is named, and no more", [=] { return SetTenant(*common, *args); }));
  add("list", "All of them", [=] { return List(*common, "/tenants", kTenantHeads, TenantRow); });
  add_for_one("show", "One of them", [=] { return ShowTenant(*common, args->id); });
  add_for_one("suspend", "Refuse its requests, whatever its keys", [=] {
    return SetTenantState(*common, args->id, "suspended");
  });
  add_for_one("resume", "Take its requests again", [=] {
    return SetTenantState(*common, args->id, "active");
  });
}

void AddKeyCommands(CLI::App& admin, const std::shared_ptr<AdminArgs>& common, Action* action) {
  CLI::App* key = admin.add_subcommand("key", "API keys of tenants and operators");
  key->require_subcommand(1);
  auto args = std::make_shared<KeyArgs>();
  const auto add = [&](const char* name, const char* help, std::function<absl::Status()> run) {
    CLI::App* command = key->add_subcommand(name, help);
    command->callback([=] { *action = run; });
    command->add_flag("--json", common->as_json, "An object a line");
    return command;
  };
  CLI::App* create = add("create", "Prints a new key, alone and once, to stdout", [=] {
    return CreateKey(*common, *args);
  });
  create->add_option("tenant", args->tenant, "Whose it is");
  create->add_flag("--operator", args->of_operator, "An operator's instead, for this command");
  create->add_option("--title", args->title, "What it is for");
  create
      ->add_option("--scope",
                   args->scopes,
                   "What it may do; repeatable. Default: jobs:read jobs:write sheets:connect; of "
                   "an operator: admin nodes:read nodes:write")
      ->allow_extra_args(false);
  create->add_option("--expires-days", args->expires_days, "Default: never")
      ->check(CLI::Range(1, 3660));
  CLI::App* list = add("list", "Without their secrets, which nobody has", [=] {
    return List(*common,
                args->tenant.empty() ? "/keys" : absl::StrCat("/keys?tenant=", args->tenant),
                kKeyHeads,
                KeyRow);
  });
  list->add_option("--tenant", args->tenant, "Of this one only");
  add("revoke", "For ever", [=] { return RevokeKey(*common, args->id); })
      ->add_option("key", args->id, "As list shows it")
      ->required();
}

}  // namespace

void AddAdminCommands(CLI::App& app, Action* action) {
  CLI::App* admin = app.add_subcommand("admin", "Tenants, their keys and limits; who changed what");
  admin->require_subcommand(1);
  auto common = std::make_shared<AdminArgs>();
  admin->add_option("--server", common->server, "http://host:port of the coordinator")
      ->envname("RENDERNODE_SERVER")
      ->capture_default_str();
  admin->add_option("--key-file", common->key_file, "The coordinator's admin key")
      ->envname("RENDERNODE_ADMIN_KEY_FILE")
      ->capture_default_str();
  AddTenantCommands(*admin, common, action);
  AddKeyCommands(*admin, common, action);
  auto args = std::make_shared<AuditArgs>();
  CLI::App* audit = admin->add_subcommand("audit", "Who changed what, the newest first");
  audit->add_option("--since", args->since, "24h, 7d, or 2026-01-31T12:00:00Z");
  audit->add_option("--limit", args->count_max, "0: all of them")->capture_default_str();
  audit->add_flag("--json", common->as_json, "An object a line");
  audit->callback([=] { *action = [=] { return ShowAudit(*common, *args); }; });
}

}  // namespace rn
