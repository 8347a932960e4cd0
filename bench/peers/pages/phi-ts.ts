import { loadPhi } from "../../../src/index.ts";
import { asked } from "../phi-ts.ts";
import { offer } from "./page.ts";

offer(async ({ url, threads }) => {
  const phi = await loadPhi(url, { worker: true, threads, contextSize: 1024 });
  if (phi.threads !== threads) throw new Error(`${phi.threads} threads instead of ${threads}`);
  return { name: `phi-ts, ${phi.kernels}`, ...(await asked(phi)) };
});
