export { PhiError } from "./errors.ts";
