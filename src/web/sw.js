// Keeps the page itself, and nothing else, so that it opens without a connection. The network comes first: a new version
// is seen at once.

const CACHE = 'chat-room';
// How long the network may take when there is a copy.
const PATIENCE_MS = 3000;
const FILES = [
  './', 'style.css', 'manifest.webmanifest', 'icon.svg', 'icon.png', 'app.js', 'confusables.js', 'connection.js',
  'dom.js', 'invitation.js', 'kept.js', 'limits.js', 'lines.js', 'list.js', 'look.js', 'names.js', 'notifier.js',
  'numbers.js', 'outbox.js', 'panels.js', 'receipts.js', 'rows.js', 'session.js', 'state.js', 'store.js', 'view.js',
];

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(FILES)).then(() => self.skipWaiting()));
});

self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const isOwn = new URL(request.url).origin === location.origin;
  if (request.method === 'GET' && isOwn) event.respondWith(answer(request));
});

async function answer(request) {
  const cache = await caches.open(CACHE);
  const copy = await cache.match(request, { ignoreSearch: true });
  const fresh = fetch(request).then((response) => {
    if (response.ok && copy) cache.put(request, response.clone());
    return response;
  });
  if (!copy) return fresh;
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, copy));
  return Promise.race([fresh.catch(() => copy), late]);
}

// A click on a notification brings the page.
self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(self.clients.matchAll({ type: 'window' })
    .then(([client]) => (client ? client.focus() : self.clients.openWindow('./'))));
});
