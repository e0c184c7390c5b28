// Breaks the protocol; how is its argument.
#include <sys/socket.h>

#include "tests/workers/worker.h"

int main(int, char** argv) {
  const std::string kind = argv[1];
  if (kind == "no-hello") {
    rn::Say(rn::DoneReport({}));
    rn::Hang();
  }
  rn::SayHello();
  if (kind == "unasked") {
    rn::Say(rn::DoneReport({}));
    rn::Hang();
  }
  (void)rn::AwaitOrder();
  if (kind == "bytes") {
    (void)rn::WriteFrame(rn::kChannel, "\x01\xff\xff no report");
  } else if (kind == "length") {
    (void)send(rn::kChannel, "\xff\xff\xff\xff", 4, 0);
  } else if (kind == "empty") {
    rn::Say({});
  } else if (kind == "hello") {
    rn::SayHello();
  }
  rn::Hang();
}
