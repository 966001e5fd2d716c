// Numbers and moments as people read them.

/** 1 kB is 1024 bytes, as in the limits and in most file managers. */
export function bytes(size) {
  if (size < 1024) return `${size} B`;
  const units = ["kB", "MB", "GB"];
  let value = size / 1024;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value < 9.95 ? value.toFixed(1).replace(/\.0$/, "") : Math.round(value)} ${units[unit]}`;
}

export function plural(count, one, many = `${one}s`) {
  return `${count.toLocaleString("en-GB")} ${count === 1 ? one : many}`;
}

/** Answers cost fractions of a penny: two significant digits say more than two decimals. */
export function pounds(amount) {
  const value = Number(amount);
  if (!Number.isFinite(value) || value <= 0) return "";
  if (value < 0.0001) return "under £0.0001";
  if (value >= 0.1) return `£${value.toFixed(2)}`;
  return `£${Number(value.toPrecision(2)).toFixed(4).replace(/0+$/, "").padEnd(4, "0")}`;
}

/** One line under an answer: who wrote it and for how much. */
export function usageLine(usage) {
  if (!usage?.model) return "";
  const writer = usage.model === "extractive" ? "Quoted from your documents" : usage.model;
  if (usage.cached) return `${writer} · repeated from an earlier answer, no cost`;
  return [writer, pounds(usage.cost_gbp)].filter(Boolean).join(" · ");
}

/** "Today", "Yesterday" or the date itself, by the reader's own clock. `day` is YYYY-MM-DD. */
export function dayName(day, now = new Date()) {
  const [year, month, date] = day.split("-").map(Number);
  const then = new Date(year, month - 1, date);
  const today = new Date(now.getFullYear(), now.getMonth(), now.getDate());
  const days = Math.round((today - then) / 86_400_000);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  const options = { weekday: "long", day: "numeric", month: "long" };
  if (year !== now.getFullYear()) options.year = "numeric";
  return then.toLocaleDateString("en-GB", days > 0 && days < 7 ? { weekday: "long" } : options);
}

export function ago(moment, now = Date.now()) {
  const seconds = Math.max(0, (now - new Date(moment).getTime()) / 1000);
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return new Date(moment).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
}
