/** Numbers as people read them. */

const number = (value: number, digits = 0): string =>
  value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });

export const count = (value: number): string => number(value);

/** Decimal units, as files are sold and disks are measured. */
export function bytes(value: number): string {
  if (value >= 1e9) return `${number(value / 1e9, 2)} GB`;
  if (value >= 1e6) return `${number(value / 1e6, 1)} MB`;
  return `${number(value / 1e3, 1)} kB`;
}

export function seconds(ms: number): string {
  return ms < 1000 ? `${number(ms)} ms` : `${number(ms / 1000, 1)} s`;
}

/** Tokens per second; "–" where there is nothing to divide. */
export function rate(tokens: number, ms: number): string {
  if (tokens <= 0 || ms <= 0) return "–";
  const perSecond = (tokens / ms) * 1000;
  return `${number(perSecond, perSecond < 10 ? 1 : 0)} tokens/s`;
}

/** 5,246,208 → "5.2 million". */
export function parameters(value: number): string {
  return value >= 1e9 ? `${number(value / 1e9, 1)} billion` : `${number(value / 1e6, 1)} million`;
}

/** "1 token", "2 tokens". */
export const plural = (value: number, noun: string): string => `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
