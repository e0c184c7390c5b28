// gRPC's own messages, in our log and in its format.
#pragma once

namespace rn {

// For the whole process; call before gRPC is used. What gRPC calls an error is a warning here: a
// handshake or a connection that failed is tried again.
void LogGrpcMessages();

}  // namespace rn
