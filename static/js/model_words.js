// What the page about the embedding model says. Pure.
import { isPriced, number, price } from "./document_words.js";
import { plural } from "./format.js";

export function estimateSentence(name, { chunks, tokens, cost_gbp: cost }, isLocal) {
  if (!chunks) return `${name} has numbers for every passage already: building it takes seconds and costs nothing.`;
  const amount = isPriced(cost) ? `It costs ${price(cost)}.` : "What it costs can't be told: the price of the model is not known.";
  const paid = isLocal ? "Nothing is paid for; this server does the work." : amount;
  return `Building ${name} takes ${plural(chunks, "passage")}, about ${plural(tokens, "token")}. ${paid} Nothing changes for anybody until you switch.`;
}

export function buildSentence({ done, total }) {
  if (!total) return "Waiting for a worker";
  return done < total ? `${number(done)} of ${plural(total, "passage")}` : "Measuring the quality";
}

/** What became of it, for people who do not see the page change. */
export function endSentence({ state, failure }) {
  if (state === "built") return "The model is built.";
  if (state === "switched") return "The other model answers now.";
  if (state === "failed") return failure?.detail ?? "The model could not be built.";
  return "The model was discarded.";
}

export function confirmWords(kind, name) {
  if (kind === "stop") return { title: "Stop building?", words: "What was built is discarded. The model that answers stays as it is.", action: "Stop building" };
  return { title: `Discard ${name}?`, words: `Its numbers are removed. To use ${name} later it must be built again.`, action: "Discard it" };
}
