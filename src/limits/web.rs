//! HTTP and WebSocket.

/// The first line of a request: far more than the page's own paths, with what somebody may add to one.
pub const WEB_REQUEST_LINE_MAX: usize = 2048;
/// All lines of a request together. Browsers send some hundred bytes; the cookies of other programs on the same host come
/// along, and proxies add their lines.
pub const WEB_HEAD_MAX: usize = 8 << 10;
/// Requests on one connection; the answer to the last says that it ends. A page with its parts takes some twenty.
pub const WEB_REQUESTS_MAX: u32 = 100;
/// Bytes of lines in one frame. The rest of a frame that the kernel did not take is kept, so it is also what a peer costs
/// that does not read; and a page on a slow link shows its lines as they come. A frame is two pieces for the kernel, its
/// header and its lines: of a flood's writes pieces of 16 KiB took 8 % more, these take 3 to 4 %, and longer ones as much.
pub const WEB_FRAME_MAX: usize = 32 << 10;
/// Frames in one write: as many bytes of lines as one write carries, in as many pieces as the kernel takes without memory of
/// their own.
pub const WEB_FRAMES_PER_WRITE: usize = 4;
/// The longest frame that is taken. A message is only lines one after the other, and nothing of it is kept; but nobody
/// sends a longer one who means well.
pub const WEB_FRAME_TAKEN_MAX: u32 = 1 << 20;
/// Bytes of lines of which the kernel is asked whether they have arrived before others follow. When there are more it is a
/// flood, in which the question is a thirtieth of the work.
pub const WEB_LOOK_MAX: u32 = 4 << 10;
/// Answers to pings that wait for the socket. Of more than that only the last is sent (RFC 6455 section 5.5.3).
pub const WEB_PONGS_MAX: usize = 1024;
