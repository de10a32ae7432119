// Answers for the filing pages while there is no line, from what feedback/outbox.js put in the cache. It keeps nothing itself.
"use strict";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (request.mode === "navigate") {
    event.respondWith(fetch(request).catch(() => kept(request)));
  } else if (url.pathname.startsWith("/static/")) {
    event.respondWith(caches.match(request.url, { ignoreVary: true }).then((found) => found || fetch(request)));
  }
});

async function kept(request) {
  // By address alone: what a page varies by (cookies, languages) is the same on one device.
  const known = { ignoreVary: true };
  return (await caches.match(request.url, known)) || (await caches.match(request.url, { ...known, ignoreSearch: true })) || Response.error();
}
