import { Tensor } from "../../src/tensor/index.ts";
import { Both, PHI4_MINI } from "../both.ts";

const { V } = PHI4_MINI;
const both = new Both(4);
const x = both.random([1, V]);
const out = Tensor.alloc(both.arena, "i32", [1]);
await both.time(`argmax [1, ${V}]`, { bytes: x.byteLength }, out, 0, (kernels) => kernels.argmax(out, x));
