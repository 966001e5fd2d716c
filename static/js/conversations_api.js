// What the pages ask of `/api/v1/conversations/`, `answers/` and `gaps/`.
import { request } from "./http.js";

const API = "/api/v1/";
const one = (id) => `${API}conversations/${encodeURIComponent(id)}/`;
const answer = (id) => `${API}answers/${encodeURIComponent(id)}/`;

export const conversations = {
  list: ({ q = "", archived = false } = {}) => {
    const wanted = new URLSearchParams();
    if (q) wanted.set("q", q);
    if (archived) wanted.set("archived", "true");
    return request("GET", `${API}conversations/?${wanted}`);
  },
  /** `next` of a page is a whole address; the host before a proxy may be another one than ours. */
  page: (next) => {
    const { pathname, search } = new URL(next, location.origin);
    return request("GET", pathname + search);
  },
  read: (id) => request("GET", one(id)),
  change: (id, fields) => request("PATCH", one(id), fields),
  remove: (id) => request("DELETE", one(id)),
  earlier: (id, before, limit) => request("GET", `${one(id)}messages/?${new URLSearchParams({ before, limit })}`),
  exportUrl: (id, format) => `${one(id)}export/?format=${format}`,
};

export const answers = {
  rate: (id, feedback) => (feedback ? request("PUT", `${answer(id)}feedback/`, feedback) : request("DELETE", `${answer(id)}feedback/`)),
  reportGap: (id) => request("POST", `${answer(id)}gap/`, {}),
  followUps: (id) => request("GET", `${answer(id)}follow-ups/`),
};

export const gaps = {
  seen: (id) => request("POST", `${API}gaps/${encodeURIComponent(id)}/seen/`, {}),
};
