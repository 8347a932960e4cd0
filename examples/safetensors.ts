// The file format alone: phi-ts/safetensors reads by byte range, and checks every offset first.
import { openSafetensors, writeSafetensors } from "phi-ts/safetensors";

const file = await openSafetensors("models/phi-tiny");
for (const { name, dtype, shape } of [...file.tensors.values()].slice(0, 3)) console.log(name, dtype, shape);
const norm = await file.toFloat32("model.norm.weight"); // f32 [D]
console.log(norm.slice(0, 3));
await file.close();

const bytes = writeSafetensors({ norm: { dtype: "F32", shape: [norm.length], data: norm } });
const again = await openSafetensors(bytes);
console.log(
  bytes.length,
  (await again.toFloat32("norm")).every((x, i) => Object.is(x, norm[i])),
);
