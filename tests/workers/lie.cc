// Claims what is not so; which lie is its argument.
#include "tests/workers/worker.h"

int main(int, char** argv) {
  const std::string lie = argv[1];
  rn::SayHello();
  const rendernode::Order order = rn::AwaitOrder();
  rendernode::Report report = rn::DoneReport(order);
  rendernode::Done& done = *report.mutable_done();
  rendernode::Artifact& artifact = *done.mutable_result()->mutable_artifacts(0);
  if (lie == "absent") {
    artifact.set_path(order.output_directory() + "/nothing.mp4");
  } else if (lie == "size") {
    artifact.set_bytes(artifact.bytes() + 1);
  } else if (lie == "outside") {
    artifact.set_path(order.output_directory() + "/../../secret");
  } else if (lie == "link") {
    (void)!symlink("/etc/passwd", (order.output_directory() + "/link.mp4").c_str());
    artifact.set_path(order.output_directory() + "/link.mp4");
  } else if (lie == "folder") {
    artifact.set_path(order.output_directory());
  } else if (lie == "many") {
    for (int i = 0; i < 1000; ++i) {
      done.mutable_result()->add_artifacts()->CopyFrom(artifact);
    }
  } else if (lie == "item") {
    done.set_item_id("another");
  } else if (lie == "fence") {
    done.set_fence(order.fence() + 1);
  }
  rn::Say(report);
  rn::Hang();
}
