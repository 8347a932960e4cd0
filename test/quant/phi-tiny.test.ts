import { openSafetensors } from "../../src/formats/safetensors/index.ts";
import { quantizeQ4 } from "../../src/quant/index.ts";
import { f16ToF32 } from "../../src/tensor/index.ts";
import { phiTinyFolder } from "../fixtures.ts";
import { suite } from "../harness.ts";
import { plainQ4, squaredError } from "./groups.ts";

suite("quant/phi-tiny", ({ test, assert, engine }) => {
  test("q4 of phi-tiny's trained matrices: squared error at most 0.89 of Q4_0's in all, 0.9 in each", async () => {
    const file = await openSafetensors(phiTinyFolder(engine));
    const n = new Uint8Array(32);
    let [ours, plain] = [0, 0];
    for (const { name, shape } of file.tensors.values()) {
      if (shape.length !== 2) continue;
      const weights = await file.toFloat32(name); // rows are multiples of 32 long: groups follow each other
      let [a, b] = [0, 0];
      for (let at = 0; at < weights.length; at += 32) {
        const w = weights.subarray(at, at + 32);
        const s = f16ToF32(quantizeQ4(w, n));
        const q4 = plainQ4(w);
        const q = Int8Array.from(n, (x) => x - 8);
        a += squaredError(w, q, s);
        b += squaredError(w, q4.q, q4.s);
      }
      assert.atMost(a / b, 0.9, name);
      ours += a;
      plain += b;
    }
    await file.close();
    assert.atMost(ours / plain, 0.89);
  });
});
