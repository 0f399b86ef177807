//! chat-room-server.
fn main() {}
