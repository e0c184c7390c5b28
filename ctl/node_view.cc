#include "ctl/node_view.h"

#include <google/protobuf/util/json_util.h>

#include <map>
#include <set>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "ctl/terminal.h"

namespace rn {
namespace {

using rendernode::HeldItem;
using rendernode::NodeStatus;

constexpr int kBarCells = 10;
constexpr absl::Duration kDay = absl::Hours(24);

std::string Lower(const std::string& name) {
  return absl::AsciiStrToLower(name);
}

std::string Bytes(std::uint64_t bytes) {
  const auto value = static_cast<double>(bytes);
  return bytes < (std::uint64_t{1} << 30) ? absl::StrFormat("%.0f MiB", value / (1 << 20))
                                          : absl::StrFormat("%.1f GiB", value / (1 << 30));
}

std::string Uptime(std::uint32_t seconds) {
  return seconds < 48 * 3600
             ? absl::StrFormat("%d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60)
             : absl::StrCat(seconds / (24 * 3600), " days");
}

std::string Session(const NodeStatus& node) {
  const std::string at = node.coordinator().empty() ? "" : absl::StrCat(" to ", node.coordinator());
  if (node.connected()) {
    return absl::StrCat("connected", at, ", protocol ", node.protocol());
  }
  return absl::StrCat("not connected",
                      at,
                      node.session_open() ? ", session kept" : "",
                      node.coordinator_error().empty() ? "" : ": ",
                      node.coordinator_error());
}

// "required: system calls filtered, files restricted (Landlock 4)".
std::string Describe(const rendernode::Sandbox& sandbox) {
  if (sandbox.mode() == rendernode::Sandbox::OFF) {
    return "off";
  }
  std::vector<std::string> parts;
  if (sandbox.system_calls_filtered()) {
    parts.push_back("system calls filtered");
  }
  if (sandbox.landlock_abi() > 0) {
    parts.push_back(absl::StrCat("files restricted (Landlock ", sandbox.landlock_abi(), ")"));
  }
  for (const std::string& gap : sandbox.gaps()) {
    parts.push_back(absl::StrCat("GAP: ", gap));
  }
  return absl::StrCat(
      sandbox.mode() == rendernode::Sandbox::REQUIRED ? "required: " : "best effort: ",
      absl::StrJoin(parts, ", "));
}

std::string Certificate(const NodeStatus& node, absl::Time now) {
  const absl::Duration left = absl::FromUnixSeconds(node.certificate_expires_s()) - now;
  return left < absl::ZeroDuration() ? "expired: the coordinator refuses it"
                                     : absl::StrCat("ends in ",
                                                    absl::ToInt64Hours(left) / 24,
                                                    " days",
                                                    left < 7 * kDay ? ": renew it" : "");
}

std::string Head(const NodeStatus& node, absl::Time now) {
  std::string text = absl::StrFormat(
      "%s  %s%s\n"
      "version      %s, up %s\n"
      "coordinator  %s\n"
      "items        %d completed, %d failed since the start\n",
      node.node_id(),
      Lower(NodeState_Name(node.state())),
      node.reason().empty() ? "" : absl::StrCat(": ", node.reason()),
      node.version(),
      Uptime(node.uptime_s()),
      Session(node),
      node.items_completed(),
      node.items_failed());
  if (node.certificate_expires_s() != 0) {
    absl::StrAppend(&text, "certificate  ", Certificate(node, now), "\n");
  }
  absl::StrAppend(&text,
                  "asset cache  ",
                  Bytes(node.cache_bytes()),
                  " of ",
                  Bytes(node.cache_max_bytes()),
                  "\n");
  if (node.disk_free_min_bytes() > 0 || node.disk_free_bytes() > 0) {
    absl::StrAppend(&text,
                    "work disk    ",
                    Bytes(node.disk_free_bytes()),
                    " free, at least ",
                    Bytes(node.disk_free_min_bytes()),
                    " wanted\n");
  }
  if (!node.store().empty()) {
    absl::StrAppend(&text, "store        ", node.store(), "\n");
  }
  absl::StrAppend(&text, "sandbox      ", Describe(node.sandbox()), "\n");
  absl::StrAppend(&text, "cgroups      ", node.worker_cgroups(), "\n");
  if (node.results_orphaned() > 0) {
    absl::StrAppend(&text, "orphaned     ", node.results_orphaned(), " results that nobody took\n");
  }
  if (!node.reload_error().empty()) {
    absl::StrAppend(&text, "reload       refused: ", node.reload_error(), "\n");
  }
  for (const std::string& warning : node.warnings()) {
    absl::StrAppend(&text, "warning      ", warning, "\n");
  }
  for (const auto& device : node.devices()) {
    absl::StrAppend(&text,
                    "device       ",
                    device.uuid(),
                    ": ",
                    device.name(),
                    device.quarantined() ? ", quarantined" : "");
    if (device.sessions_probed() > 0) {
      absl::StrAppend(
          &text, ", ", device.sessions_in_use(), " of ", device.sessions_probed(), " sessions");
    }
    absl::StrAppend(&text, "\n");
  }
  return text;
}

std::vector<std::string> Progress(const HeldItem& item) {
  const bool rendering = item.phase() == rendernode::RENDERING;
  return {Lower(Phase_Name(item.phase())),
          absl::StrFormat("%s %3d %%",
                          Bar(item.progress_permille() / 1000.0, kBarCells),
                          item.progress_permille() / 10),
          rendering ? absl::StrFormat("%.0f fps", item.frames_per_second()) : "",
          item.encoder()};
}

std::string Slots(const NodeStatus& node, const std::map<std::string, const HeldItem*>& items) {
  std::vector<std::vector<std::string>> table = {
      {"slot", "worker", "memory", "item", "phase", "done", "speed", "encoder"}};
  for (const auto& slot : node.slots()) {
    std::vector<std::string> row = {
        absl::StrCat(slot.slot()),
        slot.worker_pid() == 0 ? "none" : absl::StrCat("pid ", slot.worker_pid()),
        Bytes(slot.rss_bytes()),
        slot.item_id().empty() ? "idle" : slot.item_id()};
    const auto item = items.find(slot.item_id());
    const std::vector<std::string> progress =
        item == items.end() ? std::vector<std::string>{"", "", "", ""} : Progress(*item->second);
    row.insert(row.end(), progress.begin(), progress.end());
    table.push_back(std::move(row));
  }
  return Table(table);
}

// What is held and in no slot: before its render, or after.
std::string Others(const NodeStatus& node) {
  std::set<std::string> in_slots;
  for (const auto& slot : node.slots()) {
    in_slots.insert(slot.item_id());
  }
  std::vector<std::vector<std::string>> table = {{"also held", "job", "row", "phase", "done"}};
  for (const HeldItem& item : node.items()) {
    if (in_slots.count(item.item_id()) == 0) {
      table.push_back({item.item_id(),
                       item.job_id(),
                       absl::StrCat(item.row()),
                       Lower(Phase_Name(item.phase())),
                       absl::StrFormat("%d %%", item.progress_permille() / 10)});
    }
  }
  return table.size() == 1 ? "" : absl::StrCat("\n", Table(table));
}

}  // namespace

std::string DescribeNode(const NodeStatus& status, absl::Time now) {
  std::map<std::string, const HeldItem*> items;
  for (const HeldItem& item : status.items()) {
    items[item.item_id()] = &item;
  }
  return absl::StrCat(Head(status, now), "\n", Slots(status, items), Others(status));
}

absl::StatusOr<std::string> NodeJson(const NodeStatus& status) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string json;
  if (const auto made = google::protobuf::util::MessageToJsonString(status, &json, options);
      !made.ok()) {
    return absl::InternalError(std::string(made.message()));
  }
  return json;
}

}  // namespace rn
