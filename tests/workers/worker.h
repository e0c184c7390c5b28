// What the misbehaving workers have in common: how a worker is spoken to.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "base/file.h"
#include "base/framing.h"
#include "proto/worker.pb.h"

namespace rn {

constexpr int kChannel = 3;
constexpr std::size_t kOrderBytesMax = 16 << 20;

inline void Say(const rendernode::Report& report) {
  (void)WriteFrame(kChannel, report.SerializeAsString());
}

inline void SayHello() {
  rendernode::Report report;
  report.mutable_hello()->set_encoder("none");
  report.mutable_hello()->add_speech_engines("mute");
  Say(report);
}

// Ends the process when the daemon closes the channel.
inline rendernode::Order AwaitOrder() {
  rendernode::Order order;
  const auto frame = ReadFrame(kChannel, kOrderBytesMax);
  if (!frame.ok() || !order.ParseFromString(*frame)) {
    std::exit(0);
  }
  return order;
}

inline void SayProgress(const rendernode::Order& order, int frames_done) {
  rendernode::Report report;
  rendernode::Progress& progress = *report.mutable_progress();
  progress.set_item_id(order.item_id());
  progress.set_fence(order.fence());
  progress.set_phase(rendernode::RENDERING);
  progress.set_frames_done(static_cast<std::uint32_t>(frames_done));
  progress.set_frames_total(100);
  Say(report);
}

// A successful report with one video, as an honest worker's.
inline rendernode::Report DoneReport(const rendernode::Order& order) {
  const std::string video = "video of " + order.item_id();
  const std::string path = order.output_directory() + "/video.mp4";
  std::ofstream(path) << video;
  rendernode::Report report;
  rendernode::Done& done = *report.mutable_done();
  done.set_item_id(order.item_id());
  done.set_fence(order.fence());
  done.mutable_result()->set_outcome(rendernode::SUCCEEDED);
  rendernode::Artifact& artifact = *done.mutable_result()->add_artifacts();
  artifact.set_type(rendernode::Artifact::VIDEO);
  artifact.set_path(path);
  artifact.set_bytes(video.size());
  artifact.set_sha256(Sha256(video));
  artifact.set_content_type("video/mp4");
  artifact.set_format("mp4");
  return report;
}

[[noreturn]] inline void Hang() {
  while (true) {
    pause();
  }
}

}  // namespace rn
