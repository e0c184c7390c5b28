// Does what the row's script says: "render:300 hang:1" renders for 300 ms, but hangs at its first
// attempt. Others, each of the first so many: "crash:2", "fail:1" (the encoder, and it may pass),
// "full:1" (the encoder has no session left).
#include <csignal>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "proto/item_error.h"
#include "tests/workers/worker.h"

namespace rn {
namespace {

constexpr int kStepMilliseconds = 50;
constexpr int kFramesTotal = 100;

std::map<std::string, int> ScriptOf(const rendernode::Order& order) {
  std::map<std::string, int> script;
  const auto text = order.item().values().find("script");
  if (text == order.item().values().end()) {
    return script;
  }
  for (const absl::string_view word : absl::StrSplit(text->second, ' ', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> entry = absl::StrSplit(word, absl::MaxSplits(':', 1));
    (void)absl::SimpleAtoi(entry.second, &script[entry.first]);
  }
  return script;
}

void Render(const rendernode::Order& order, int milliseconds) {
  for (int done = 0; done < milliseconds; done += kStepMilliseconds) {
    SayProgress(order, kFramesTotal * done / milliseconds);
    usleep(1000 * static_cast<unsigned>(std::min(kStepMilliseconds, milliseconds - done)));
  }
}

rendernode::Report FailureReport(const rendernode::Order& order, const absl::Status& status) {
  rendernode::Report report;
  rendernode::Done& done = *report.mutable_done();
  done.set_item_id(order.item_id());
  done.set_fence(order.fence());
  *done.mutable_result() =
      FailedResult(WithItemError(status, rendernode::ITEM_ERROR_VIDEO_ENCODING_ERROR));
  return report;
}

void Work() {
  SayHello();
  while (true) {
    const rendernode::Order order = AwaitOrder();
    std::map<std::string, int> script = ScriptOf(order);
    const auto attempt = static_cast<int>(order.fence());
    SayProgress(order, 1);
    if (attempt <= script["hang"]) {
      Hang();
    }
    if (attempt <= script["crash"]) {
      std::raise(SIGSEGV);
    }
    Render(order, script["render"]);
    if (attempt <= script["full"]) {
      Say(FailureReport(order, absl::ResourceExhaustedError("no encoder session is left")));
    } else if (attempt <= script["fail"]) {
      Say(FailureReport(order, absl::UnavailableError("the encoder died")));
    } else {
      Say(DoneReport(order));
    }
  }
}

}  // namespace
}  // namespace rn

int main() {
  rn::Work();
}
