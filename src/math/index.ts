/**
 * Elementary functions on float64 from + - * / and comparisons only: the same bits on every engine, which `Math.exp` and its like do not
 * promise. Whatever reaches a logit or a sampled token uses these.
 */
export { erf, erfc } from "./erf.ts";
export { exp } from "./exp.ts";
export { log } from "./log.ts";
export { pow } from "./pow.ts";
export { tanh } from "./tanh.ts";
export { cos, MAX_ANGLE, sin } from "./trig.ts";
