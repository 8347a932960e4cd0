// The rungs that need no relaxed SIMD.
export { extend } from "./extend";
export { lanes, lanesMask } from "./lanes";
export { pairs } from "./one-stream";
export { scalar } from "./scalar";
