// What the page says about an answer, and what it copies of it. Pure.

export function statusSentence(answer) {
  switch (answer.status) {
    case "stopped":
      return "You stopped this answer.";
    case "interrupted":
      return answer.text ? "This answer was cut off. What had arrived is kept." : "This answer was cut off before it began.";
    case "failed":
      return answer.error?.detail || "This answer failed on our side.";
    case "refused":
      return answer.text ? "" : "Your documents don't answer this question.";
    default:
      return "";
  }
}

export function mayAskAgain({ question, answer }) {
  if (!question) return false;
  if (answer.status === "failed") return answer.error?.retryable !== false;
  return answer.status === "interrupted" || answer.status === "stopped";
}

const MARK = /\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]/g;

/** The answer as Markdown whose numbers are footnotes that name document, page and address. */
export function withFootnotes(text, sources, origin) {
  const known = new Map(sources.map((source) => [source.n, source]));
  const used = new Set();
  const body = text.replace(MARK, (mark, list) => {
    const numbers = list.split(",").map(Number).filter((n) => known.has(n));
    for (const n of numbers) used.add(n);
    return numbers.map((n) => `[^${n}]`).join("") || mark;
  });
  const notes = [...used].sort((a, b) => a - b).map((n) => footnote(known.get(n), origin));
  return notes.length ? `${body.trimEnd()}\n\n${notes.join("\n")}\n` : body;
}

function footnote({ n, title, page, url }, origin) {
  const name = page ? `${title}, page ${page}` : title;
  return `[^${n}]: ${name}${url ? `: <${new URL(url, origin).href}>` : ""}`;
}
