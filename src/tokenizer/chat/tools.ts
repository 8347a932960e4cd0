import { ChatError } from "../../errors.ts";

/**
 * A value as JSON in the way in which transformers' `tojson` writes it (Python's json.dumps with ensure_ascii off): ", " and ": "
 * between items, keys in their order, everything but quotes, backslashes and control characters as it is, floats as Python's repr.
 * Whole numbers are written as integers, since JavaScript does not tell 1 from 1.0.
 * @throws ChatError for what JSON has no word for: NaN, Infinity, functions, cycles
 */
export function toolsJson(value: unknown): string {
  return write(value, []);
}

function write(value: unknown, above: readonly unknown[]): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") return quote(value);
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number" && Number.isFinite(value)) return number(value);
  if (typeof value === "object") {
    if (above.includes(value)) throw new ChatError({ what: "tools: an object holds itself" });
    const inside = [...above, value];
    if (Array.isArray(value)) return `[${value.map((item) => write(item ?? null, inside)).join(", ")}]`;
    const { toJSON } = value as { toJSON?: unknown };
    if (typeof toJSON === "function") return write(toJSON.call(value), inside);
    const items = Object.entries(value).filter(([, item]) => item !== undefined);
    return `{${items.map(([key, item]) => `${quote(key)}: ${write(item, inside)}`).join(", ")}}`;
  }
  throw new ChatError({ what: "tools: a value that JSON has no word for", got: value, expected: "JSON values" });
}

/** JSON.stringify escapes as Python does, but for lone surrogates, which Python leaves alone. */
function quote(text: string): string {
  return JSON.stringify(text).replaceAll(/(\\\\)|\\u(d[89a-f][0-9a-f]{2})/g, (all, backslash: string, code: string) =>
    backslash ? all : String.fromCharCode(Number.parseInt(code, 16)),
  );
}

/** Python's repr: an exponent, of two digits at least, below 1e-4 and from 1e16; JavaScript's own bounds are 1e-6 and 1e21. */
function number(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e21) return BigInt(value).toString();
  const size = Math.abs(value);
  if (size >= 1e-4 && size < 1e16) return String(value);
  const [digits, exponent] = value.toExponential().split("e");
  const power = exponent.slice(1).padStart(2, "0");
  return `${digits}e${exponent[0]}${power}`;
}
