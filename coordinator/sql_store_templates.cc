// Templates that tenants uploaded.
#include <algorithm>
#include <iterator>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "coordinator/sql_items.h"
#include "coordinator/sql_store.h"

namespace rn {
namespace {

struct TemplateRow {
  std::string id, sha256, body;
  long long version = 0, created_ms = 0;

  auto Columns() { return std::tie(id, version, sha256, created_ms, body); }
};

StoredTemplate TemplateOf(const TemplateRow& row) {
  return {.id = row.id,
          .version = row.version,
          .sha256 = row.sha256,
          .created_at = absl::FromUnixMillis(row.created_ms),
          .body = row.body};
}

std::optional<TemplateRow> Newest(SqlConnection& sql,
                                  const std::string& tenant,
                                  const std::string& id) {
  return sql.One<TemplateRow>(
      "SELECT template_id, version, sha256, created_ms, body FROM templates "
      "WHERE tenant = :tenant AND template_id = :id ORDER BY version DESC LIMIT 1",
      tenant,
      id);
}

absl::Status CheckQuota(SqlConnection& sql,
                        const std::string& tenant,
                        const std::optional<TemplateRow>& newest,
                        const TemplateQuota& quota) {
  if (newest.has_value()) {  // None is ever removed: the newest's number is how many there are.
    return newest->version < quota.versions_max
               ? absl::OkStatus()
               : absl::ResourceExhaustedError(absl::StrCat("the template has ",
                                                           newest->version,
                                                           " versions; at most ",
                                                           quota.versions_max));
  }
  const auto templates = sql.One<std::tuple<long long>>(
      "SELECT COUNT(*) FROM templates WHERE tenant = :tenant AND version = 1", tenant);
  return std::get<0>(*templates) < quota.templates_max
             ? absl::OkStatus()
             : absl::ResourceExhaustedError(absl::StrCat("the tenant has ",
                                                         std::get<0>(*templates),
                                                         " templates; at most ",
                                                         quota.templates_max));
}

}  // namespace

absl::StatusOr<StoredTemplate> SqlStore::PutTemplate(const std::string& tenant,
                                                     const std::string& id,
                                                     const std::string& body,
                                                     const TemplateQuota& quota,
                                                     absl::Time now) {
  const std::string sha256 = Sha256(body);
  return Write([&](SqlConnection& sql) -> absl::StatusOr<StoredTemplate> {
    LockTenant(sql, tenant);
    const std::optional<TemplateRow> newest = Newest(sql, tenant, id);
    if (newest.has_value() && newest->sha256 == sha256) {
      return TemplateOf(*newest);
    }
    RETURN_IF_ERROR(CheckQuota(sql, tenant, newest, quota));
    StoredTemplate made = {.id = id,
                           .version = newest.has_value() ? newest->version + 1 : 1,
                           .sha256 = sha256,
                           .created_at = absl::FromUnixMillis(Millis(now)),
                           .body = body,
                           .is_new = true};
    sql.Run(
        "INSERT INTO templates(tenant, template_id, version, sha256, created_ms, body) "
        "VALUES(:tenant, :id, :version, :sha256, :created, :body)",
        tenant,
        id,
        made.version,
        sha256,
        Millis(now),
        body);
    return made;
  });
}

absl::StatusOr<StoredTemplate> SqlStore::GetTemplate(const std::string& tenant,
                                                     const std::string& id,
                                                     std::int64_t version) {
  return Read([&](SqlConnection& sql) -> absl::StatusOr<StoredTemplate> {
    const std::optional<TemplateRow> found =
        version == 0 ? Newest(sql, tenant, id)
                     : sql.One<TemplateRow>(
                           "SELECT template_id, version, sha256, created_ms, body FROM templates "
                           "WHERE tenant = :tenant AND template_id = :id AND version = :version",
                           tenant,
                           id,
                           version);
    if (found.has_value()) {
      return TemplateOf(*found);
    }
    return absl::NotFoundError(version == 0
                                   ? absl::StrCat("there is no template ", id)
                                   : absl::StrCat("there is no version ", version, " of ", id));
  });
}

absl::StatusOr<std::vector<StoredTemplate>> SqlStore::ListTemplates(const std::string& tenant) {
  return Read([&](SqlConnection& sql) -> absl::StatusOr<std::vector<StoredTemplate>> {
    const auto rows = sql.All<TemplateRow>(
        "SELECT t.template_id, t.version, t.sha256, t.created_ms, '' FROM templates t "
        "WHERE t.tenant = :tenant AND t.version = (SELECT MAX(n.version) FROM templates n "
        "WHERE n.tenant = t.tenant AND n.template_id = t.template_id) ORDER BY t.template_id",
        tenant);
    std::vector<StoredTemplate> templates;
    std::transform(rows.begin(), rows.end(), std::back_inserter(templates), TemplateOf);
    return templates;
  });
}

}  // namespace rn
