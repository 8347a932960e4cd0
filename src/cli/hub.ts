import type { UrlOptions } from "../open.ts";
import { UsageError } from "./args.ts";

/** What is fetched rather than opened: it is no path. */
export const isRemote = (model: string): boolean => model.startsWith("hf:") || /^https?:\/\//i.test(model);

/**
 * For names on the hub, what the environment says, under the names that Hugging Face's own tools use: HF_TOKEN, sent to the hub alone, and
 * HF_ENDPOINT, the hub's address or a mirror's. Paths and URLs take nothing from it, and the library never looks there.
 * @throws UsageError for an HF_ENDPOINT that is no address
 */
export function hubOptionsOf(
  model: string,
  env: NodeJS.ProcessEnv = process.env,
): Pick<UrlOptions, "headers" | "hubUrl"> {
  if (!model.startsWith("hf:")) return {};
  const [token, hubUrl] = [env.HF_TOKEN?.trim(), env.HF_ENDPOINT?.trim()];
  if (hubUrl && !/^https?:\/\/[^\s/]/i.test(hubUrl)) throw new UsageError("HF_ENDPOINT is no http(s): URL");
  return { ...(token && { headers: { authorization: `Bearer ${token}` } }), ...(hubUrl && { hubUrl }) };
}
