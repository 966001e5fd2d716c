import assert from "node:assert/strict";
import { test } from "node:test";
import { takeTogether, UploadQueue } from "../../static/js/upload.js";

const upload = (name, size = 5_000, collection = "c1") => ({ key: name, collection, file: { name, size } });
const many = (count, ...rest) => Array.from({ length: count }, (_, n) => upload(`${n}.md`, ...rest));
const settled = () => new Promise((resolve) => setTimeout(resolve));

test("small files travel together, a large one alone", () => {
  const waiting = [...many(30), upload("big.pdf", 9_000_000), upload("after.md")];
  assert.deepEqual([1, 2, 3, 4].map(() => takeTogether(waiting).length), [25, 5, 1, 1]);
  assert.equal(waiting.length, 0);
});

test("files of two collections never share a request", () => {
  const waiting = [...many(2), ...many(2, 10, "c2")];
  assert.deepEqual([takeTogether(waiting).length, takeTogether(waiting).length], [2, 2]);
});

test("of files sent together each has its own end", async () => {
  const requests = [];
  const queue = new UploadQueue({
    send: async (uploads) => {
      requests.push(uploads.length);
      return uploads.map(({ key }) => (key === "1.md" ? { change: "refused", failure: { detail: "The file is empty." } } : { id: key }));
    },
    onChange: () => {},
  });
  const uploads = many(3);
  uploads.forEach((one) => queue.add(one));
  await settled();
  assert.deepEqual(requests, [3]);
  assert.deepEqual(uploads.map(({ state }) => state), ["sent", "failed", "sent"]);
  assert.deepEqual([uploads[1].problem, uploads[1].mayRetry], ["The file is empty.", false]);
});

test("when the request fails all of it may be sent again, two requests at a time", async () => {
  let running = 0;
  let most = 0;
  const queue = new UploadQueue({
    send: async () => {
      most = Math.max(most, ++running);
      await settled();
      running -= 1;
      throw Object.assign(new Error("Not reached."), { status: 503 });
    },
    onChange: () => {},
  });
  const uploads = many(60);
  uploads.forEach((one) => queue.add(one));
  while (uploads.some(({ state }) => state !== "failed")) await settled();
  assert.equal(most, 2);
  assert.ok(uploads.every(({ mayRetry }) => mayRetry));
});

test("a request that fails does not hold up the others", async () => {
  const send = async ([one]) => {
    if (one.key === "1.md") throw Object.assign(new Error("no"), { status: 503 });
    return [{ id: one.key }];
  };
  const uploads = many(4, 3_000_000);
  const queue = new UploadQueue({ send, onChange: () => {} });
  uploads.forEach((one) => queue.add(one));
  await settled();
  assert.deepEqual(uploads.map(({ state }) => state), ["sent", "failed", "sent", "sent"]);
});
