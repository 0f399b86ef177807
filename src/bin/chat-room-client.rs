//! chat-room-client. All it does is in [`chat_room::client`].

use std::process::ExitCode;

fn main() -> ExitCode {
    chat_room::client::run(std::env::args_os().skip(1))
}
