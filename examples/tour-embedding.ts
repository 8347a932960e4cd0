// The row of a token in the embedding table, read straight from the file:
//   npx tsx --conditions=phi-ts-source examples/tour-embedding.ts
import { openSafetensors } from "phi-ts/safetensors";
import { fromBytes } from "phi-ts/tensor";

const NAME = "model.embed_tokens.weight";
const WHAT = 354; // the id of "What"

const file = await openSafetensors("models/phi-tiny"); // reads and checks the header, no weights
const { dtype, shape, offset, byteLength } = file.tensors.get(NAME)!;
const [V, D] = shape;
console.log(`${NAME}: ${dtype} [${V}, ${D}], ${byteLength} bytes from byte ${offset} on`);

// Row 354 begins 354 · D elements of 2 bytes further on. Only its 512 bytes are read.
const bytes = await file.readInto(NAME, WHAT * D * 2, new Uint8Array(D * 2));
const row = fromBytes(bytes, "bf16", [D]).to("f32"); // a bf16 is the upper half of a float32: exact
console.log(row.slice([0, 6]));
await file.close();
