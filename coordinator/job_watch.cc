#include "coordinator/job_watch.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "coordinator/job_json.h"

namespace rn {
namespace {

using Json = nlohmann::ordered_json;

WebSocket::Message TextOf(const char* type, Json data) {
  const Json message = {{"type", type}, {"data", std::move(data)}};
  return std::make_shared<const std::string>(
      message.dump(-1, ' ', false, Json::error_handler_t::replace));
}

JobMessage StateChanged(std::optional<JobState> prior, const Job& job, const Json& shown) {
  Json data = {{"prior_state", prior.has_value() ? Json(JobStateName(*prior)) : Json(nullptr)},
               {"new_state", JobStateName(job.state)}};
  const bool explained = job.state == JobState::kFailed || job.state == JobState::kCanceled;
  if (explained && shown["last_error"].is_object()) {
    data["reason"] = shown["last_error"]["message"];
  }
  return {.text = TextOf("job.state_changed", std::move(data))};
}

// The job as the API shows it, cut down: both say the same by construction.
Json Progress(const Json& shown) {
  Json progress;
  for (const char* field : {"percent_complete",
                            "items_completed",
                            "items_failed",
                            "items_total",
                            "eta_ms",
                            "rate_limited"}) {
    progress[field] = shown[field];
  }
  return progress;
}

// Without what changes by itself.
std::string ProgressKey(Json progress) {
  progress.erase("eta_ms");
  return progress.dump();
}

Json Shown(const Job& job, const JobMessageContext& context) {
  return JobJson(job, context.now, context.public_url, context.rate_limited, context.forecast);
}

}  // namespace

std::vector<JobMessage> PresentState(const Job& job, const JobMessageContext& context) {
  const Json shown = Shown(job, context);
  return {StateChanged(std::nullopt, job, shown),
          {.text = TextOf("job.progress", Progress(shown))}};
}

std::optional<JobMessage> VideoMessage(const Item& item, const JobMessageContext& context) {
  const bool completed = item.state == ItemState::kCompleted;
  if (!completed && item.state != ItemState::kFailed) {
    return std::nullopt;
  }
  const Json shown = VideoJson(item, context.urls);
  const char* what = completed ? "artifacts" : "errors";
  return JobMessage{.about = JobMessage::About::kVideo,
                    .row = item.row,
                    .text = TextOf(completed ? "video.completed" : "video.failed",
                                   {{"id", item.id}, {"row", item.row}, {what, shown[what]}})};
}

std::optional<JobMessage> EndMessage(const Job& job, const JobMessageContext& context) {
  if (job.state != JobState::kCompleted && job.state != JobState::kFailed) {
    return std::nullopt;
  }
  const Json shown = Shown(job, context);
  const Json summary = {{"items_completed", job.items_completed},
                        {"items_failed", job.items_failed},
                        {"items_total", job.items_total}};
  JobMessage message{.about = JobMessage::About::kEnd};
  if (job.state == JobState::kCompleted) {
    message.text =
        TextOf("job.completed", {{"summary", summary}, {"artifacts", shown["artifacts"]}});
  } else {
    const Json& error = shown["last_error"];
    message.text = TextOf("job.failed",
                          {{"error_message", error.is_object() ? error["message"] : Json("")},
                           {"error_code", error.is_object() ? error["code"] : Json(nullptr)},
                           {"summary", summary},
                           {"artifacts", shown["artifacts"]}});
  }
  return message;
}

JobWatch::JobWatch(const Job& job,
                   const std::vector<Item>& ended,
                   absl::Duration progress_interval,
                   const JobMessageContext& context,
                   absl::Duration since_boot)
    : progress_interval_(progress_interval),
      job_(job),
      latest_(job.updated_at),
      progress_(ProgressKey(Progress(Shown(job, context)))),
      progress_told_(since_boot) {
  for (const Item& item : ended) {
    (void)IsNew(item);
  }
}

bool JobWatch::Differs(const Job& job) const {
  return job.updated_at != job_.updated_at || job.state != job_.state ||
         job.ended_at != job_.ended_at || job.items_completed != job_.items_completed ||
         job.items_failed != job_.items_failed || job.progress_items != job_.progress_items;
}

// Notes it, too. An item that is retried ends once more, at a higher fence.
bool JobWatch::IsNew(const Item& item) {
  latest_ = std::max(latest_, item.updated_at);
  const auto [known, first] = ended_.try_emplace(item.row);
  const bool is_new =
      first || known->second.fence != item.fence || known->second.state != item.state;
  known->second = {item.fence, item.state, item.updated_at};
  return is_new;
}

void JobWatch::ForgetOld() {
  std::erase_if(ended_, [&](const auto& entry) { return entry.second.at < ended_since(); });
}

void JobWatch::TellProgress(const Job& job,
                            bool at_once,
                            const JobMessageContext& context,
                            absl::Duration since_boot,
                            std::vector<JobMessage>& messages) {
  const Json progress = Progress(Shown(job, context));
  std::string key = ProgressKey(progress);
  progress_due_.reset();
  if (key == progress_) {
    return;
  }
  if (!at_once && since_boot < progress_told_ + progress_interval_) {
    progress_due_ = progress_told_ + progress_interval_;
    return;
  }
  progress_ = std::move(key);
  progress_told_ = since_boot;
  messages.push_back({.text = TextOf("job.progress", progress)});
}

std::vector<JobMessage> JobWatch::Update(const Job& job,
                                         const std::vector<Item>& ended,
                                         const JobMessageContext& context,
                                         absl::Duration since_boot) {
  std::vector<JobMessage> messages;
  const bool over = IsTerminal(job.state);
  const bool changed = job.state != job_.state;
  if (changed && !over) {
    messages.push_back(StateChanged(job_.state, job, Shown(job, context)));
  }
  for (const Item& item : ended) {
    if (!IsNew(item)) {
      continue;
    }
    if (std::optional<JobMessage> message = VideoMessage(item, context)) {
      messages.push_back(*std::move(message));
    }
  }
  ForgetOld();
  TellProgress(job, /*at_once=*/over, context, since_boot, messages);
  if (changed && over) {
    messages.push_back(StateChanged(job_.state, job, Shown(job, context)));
  }
  // A job whose failed items were retried ends again, perhaps between two looks.
  if (over && (changed || job.ended_at != job_.ended_at)) {
    if (std::optional<JobMessage> message = EndMessage(job, context)) {
      messages.push_back(*std::move(message));
    }
  }
  job_ = job;
  return messages;
}

}  // namespace rn
