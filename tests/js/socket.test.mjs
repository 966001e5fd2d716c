import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { backoff, Connection } from "../../static/js/socket.js";

class FakeSocket extends EventTarget {
  static all = [];
  constructor(url, protocol) {
    super();
    Object.assign(this, { url, protocol, readyState: 0, sent: [] });
    FakeSocket.all.push(this);
  }
  send(data) {
    this.sent.push(JSON.parse(data));
  }
  accept() {
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
  }
  say(frame) {
    this.dispatchEvent(Object.assign(new Event("message"), { data: JSON.stringify(frame) }));
  }
  close(code = 1006) {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event("close"), { code }));
  }
}

function setUp(t) {
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  t.after(() => mock.timers.reset());
  FakeSocket.all = [];
  const heard = { frames: [], states: [], opens: 0 };
  const connection = new Connection({
    url: "ws://test/ws/chat/",
    Socket: FakeSocket,
    random: () => 0.5,
    onOpen: () => (heard.opens += 1),
    onFrame: (frame) => heard.frames.push(frame),
    onState: (state, lastWord) => heard.states.push(lastWord ? [state, lastWord.code] : state),
  });
  connection.open();
  return { connection, heard, last: () => FakeSocket.all.at(-1) };
}

test("it speaks the sub-protocol and hands frames on, but not pongs", (t) => {
  const { heard, last } = setUp(t);
  last().accept();
  last().say({ type: "pong" });
  last().say({ type: "delta" });
  assert.equal(last().protocol, "vena.v1");
  assert.deepEqual(heard.frames, [{ type: "delta" }]);
});

test("a lost line comes back by itself, waiting longer each time", (t) => {
  const { heard, last } = setUp(t);
  last().accept();
  last().close();
  mock.timers.tick(499);
  assert.equal(FakeSocket.all.length, 1);
  mock.timers.tick(1);
  assert.equal(FakeSocket.all.length, 2);
  last().close();
  mock.timers.tick(500);
  assert.equal(FakeSocket.all.length, 2);
  mock.timers.tick(500);
  last().accept();
  assert.equal(heard.opens, 2);
  assert.deepEqual(heard.states, ["open", "lost", "lost", "open"]);
});

test("no pong within eight seconds means the line is dead", (t) => {
  const { heard, last } = setUp(t);
  last().accept();
  mock.timers.tick(20_000);
  assert.deepEqual(last().sent, [{ type: "ping" }]);
  mock.timers.tick(7_999);
  assert.deepEqual(heard.states, ["open"]);
  mock.timers.tick(1);
  assert.deepEqual(heard.states, ["open", "lost"]);
});

test("any frame proves the line alive", (t) => {
  const { heard, last } = setUp(t);
  last().accept();
  mock.timers.tick(20_000);
  last().say({ type: "delta" });
  mock.timers.tick(9_000);
  assert.deepEqual(heard.states, ["open"]);
});

test("what a dead socket still says is not heard", (t) => {
  const { heard, last } = setUp(t);
  const first = last();
  first.accept();
  mock.timers.tick(20_000);
  mock.timers.tick(8_000);
  mock.timers.tick(500);
  first.say({ type: "delta" });
  first.close();
  assert.deepEqual(heard.frames, []);
  assert.deepEqual(heard.states, ["open", "lost"]);
});

test("waking reconnects at once, or tests the line that seems to be there", (t) => {
  const { connection, last } = setUp(t);
  last().accept();
  connection.wake();
  assert.deepEqual(last().sent, [{ type: "ping" }]);
  last().close();
  connection.wake();
  assert.equal(FakeSocket.all.length, 2);
  mock.timers.tick(5_000);
  assert.equal(FakeSocket.all.length, 2, "the waiting retry must not open a second one");
});

test("a session that has ended is not tried again", (t) => {
  const { connection, heard, last } = setUp(t);
  last().accept();
  last().close(4401);
  mock.timers.tick(60_000);
  connection.wake();
  assert.equal(FakeSocket.all.length, 1);
  assert.deepEqual(heard.states, ["open", "refused"]);
});

test("the server's last word says why it listens no more", (t) => {
  const { heard, last } = setUp(t);
  last().accept();
  last().say({ type: "error", answer: null, code: "organisation_suspended", detail: "Suspended." });
  last().close(4404);
  assert.deepEqual(heard.states, ["open", ["refused", "organisation_suspended"]]);
});

test("an error that was followed by something else is no last word", (t) => {
  const { heard, last } = setUp(t);
  last().accept();
  last().say({ type: "error", answer: null, code: "question_too_long", detail: "Too long." });
  last().say({ type: "pong" });
  last().close(4401);
  assert.deepEqual(heard.states, ["open", "refused"]);
});

test("nothing is sent into a line that is not open", (t) => {
  const { connection, last } = setUp(t);
  assert.equal(connection.send({ type: "ask" }), false);
  assert.deepEqual(last().sent, []);
});

test("back-off grows, is capped, and is spread", () => {
  assert.equal(backoff(0, () => 0.5), 500);
  assert.equal(backoff(3, () => 0.5), 4000);
  assert.equal(backoff(30, () => 0.5), 20_000);
  assert.ok(backoff(3, () => 0) < backoff(3, () => 1));
});
