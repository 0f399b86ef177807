//! Browsers: HTTP for the files of the page, and lines over WebSocket.

pub mod answer;
pub mod files;
pub mod frames;
pub(in crate::server) mod http;
pub mod request;
mod utf8;
pub(in crate::server) mod websocket;
