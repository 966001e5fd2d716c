// Requests to Vena's own REST API: JSON in and out, one kind of error.

export class ApiError extends Error {
  constructor(status, body) {
    super(body?.detail || sentenceFor(status));
    this.status = status;
    this.code = body?.code ?? "error";
    this.fields = body?.fields ?? {};
  }
}

/** For answers that are not ours: a proxy's page, or none at all. */
export function sentenceFor(status) {
  if (status === 0) return "Vena could not be reached. Check your connection and try again.";
  if (status === 401) return "Your session has ended. Reload the page and sign in again.";
  if (status === 403) return "You are not allowed to do this.";
  if (status === 413) return "The server refused the file because it is too large.";
  if (status === 429) return "That was a little too fast. Wait a moment and try again.";
  return "Something went wrong on our side. Try again in a moment.";
}

export function csrfToken() {
  const cookie = document.cookie.split("; ").find((item) => item.startsWith("csrftoken="));
  if (cookie) return decodeURIComponent(cookie.slice("csrftoken=".length));
  return document.querySelector("input[name=csrfmiddlewaretoken]")?.value ?? "";
}

export function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

export async function request(method, url, body, more = {}) {
  const headers = { Accept: "application/json", ...more };
  if (method !== "GET") headers["X-CSRFToken"] = csrfToken();
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const response = await fetch(url, { method, headers, credentials: "same-origin", body: body && JSON.stringify(body) }).catch(() => null);
  if (!response) throw new ApiError(0, null);
  const data = parseJson(await response.text());
  if (!response.ok) throw new ApiError(response.status, data);
  return data;
}
