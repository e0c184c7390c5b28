// Leaves a child of its own behind, and says its pid as progress.
#include "tests/workers/worker.h"

int main() {
  rn::SayHello();
  const rendernode::Order order = rn::AwaitOrder();
  const pid_t child = fork();
  if (child == 0) {
    rn::Hang();
  }
  rn::SayProgress(order, child);
  return 3;
}
