// 32 weights as 4-bit integers and one scale, found again byte by byte:
//   npx tsx --conditions=phi-ts-source examples/tour-q4.ts
import { pack, unpack } from "phi-ts/kernels";
import { openSafetensors } from "phi-ts/safetensors";
import { f16ToF32, tensor } from "phi-ts/tensor";

const file = await openSafetensors("models/phi-tiny");
const all = tensor(await file.toFloat32("model.layers.0.self_attn.qkv_proj.weight")).reshape([512, 256]);
const weights = all.slice([0, 8], [0, 32]); // one block: 8 rows × 32 inputs
const q4 = pack(weights, "q4");
console.log(`${weights.byteLength} bytes as float32, ${q4.byteLength} as q4`);

// Row 5. Its scale is the sixth f16; its nibbles are lane 1 of the vectors of rows 4-7.
const r = 5;
const block = new DataView(q4.arena.buffer, q4.ptr, q4.byteLength);
const scale = f16ToF32(block.getUint16(2 * r, true));
const nibbles: number[] = [];
for (let k = 0; k < 8; k++) {
  const byte = block.getUint8(16 + 16 * (r >> 2) + 4 * (r & 3) + (k & 3));
  nibbles.push(k < 4 ? byte & 15 : byte >> 4); // low nibbles: inputs 0-3, high nibbles: inputs 4-7
}
console.log("scale  ", scale);
console.log("nibbles", nibbles.join(" "));
console.log("by hand", nibbles.map((n) => ((n - 8) * scale).toFixed(4)).join(" "));
console.log("unpack ", unpack(q4).slice(r, [0, 8]));
console.log("weights", weights.slice(r, [0, 8]));
await file.close();
