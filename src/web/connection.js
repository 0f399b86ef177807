// The WebSocket to /chat, whose messages hold whole lines.

export class Connection {
  // `on`: { lines(text), closed(isClean) }.
  constructor(on) {
    this.on = on;
    this.socket = null;
  }

  open() {
    this.close();
    const url = new URL('chat', location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    url.hash = '';
    url.search = '';
    const socket = new WebSocket(url);
    this.socket = socket;
    socket.onmessage = ({ data }) => this.on.lines(data);
    socket.onclose = ({ wasClean }) => {
      this.socket = null;
      this.on.closed(wasClean);
    };
  }

  send(line) {
    // Before it is open nothing is asked, and after it is closed nobody is told.
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(line);
  }

  // Nothing more comes from it.
  close() {
    if (!this.socket) return;
    this.socket.onmessage = null;
    this.socket.onclose = null;
    this.socket.close();
    this.socket = null;
  }
}
