// Closes its channel and lives on, deaf to SIGTERM.
#include <csignal>

#include "tests/workers/worker.h"

int main() {
  std::signal(SIGTERM, SIG_IGN);
  rn::SayHello();
  (void)rn::AwaitOrder();
  close(rn::kChannel);
  rn::Hang();
}
