import { withoutNoFlags } from "./flags.ts";

const given = withoutNoFlags(process.argv.slice(2));
const at = given.findIndex((arg) => arg.startsWith("-"));

/** Of `npm run bench -- NAME … --option …`: the parts of benches' names. */
export const NAMES: readonly string[] = at < 0 ? given : given.slice(0, at);

/** And the options, which benches that have some read with `parseArgs`. */
export const OPTIONS: readonly string[] = at < 0 ? [] : given.slice(at);
