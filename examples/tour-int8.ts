// One output of a linear layer by way of integers, by hand and by the kernel:
//   npx tsx --conditions=phi-ts-source examples/tour-int8.ts
import { allocInt8Rows, createKernels, pack } from "phi-ts/kernels";
import { openSafetensors } from "phi-ts/safetensors";
import { defaultArena, f16ToF32, tensor, zeros } from "phi-ts/tensor";

const file = await openSafetensors("models/phi-tiny");
const table = async (name: string) => tensor(await file.toFloat32(`model.${name}.weight`)).reshape([-1, 256]);
const x = (await table("embed_tokens")).slice([354, 355], [0, 32]); // f32 [1, 32]: one group of inputs
const w = (await table("layers.0.self_attn.qkv_proj")).slice([0, 8], [0, 32]); // f32 [8, 32]
const q4 = pack(w, "q4");
await file.close();

// The inputs as int8: the one of largest magnitude becomes ±127.
const k = createKernels(defaultArena());
const int8 = allocInt8Rows(defaultArena(), 1, 32);
k.quantizeActivations(int8, x);
const scale = int8.scale.get(0, 0);
console.log("x", x.slice(0, [0, 6]));
console.log("q", int8.q.slice(0, [0, 6]), "scale", scale);

// Row 0: a nibble n stands for n - 8. The products with q are summed exactly; both scales make an output of the sum.
const block = new DataView(q4.arena.buffer, q4.ptr, q4.byteLength);
let sum = int8.offset.get(0, 0) + int8.offset.get(0, 1); // -8 times the sum of q
for (let i = 0; i < 32; i++) {
  const byte = block.getUint8(16 + 32 * (i >> 3) + (i & 3));
  sum += (i & 4 ? byte >> 4 : byte & 15) * int8.q.get(0, i);
}
const weightScale = f16ToF32(block.getUint16(0, true));
console.log("by hand", sum, Math.fround(sum * Math.fround(weightScale * scale)));

const out = zeros([1, 8]);
k.linear(out, int8, q4);
console.log("kernel ", out.get(0, 0));
console.log("int8 x, q4 W:", out);
k.linear(out, x, q4);
console.log("f32 x, q4 W: ", out);
k.linear(out, x, pack(w, "f32"));
console.log("f32 x, f32 W:", out);
