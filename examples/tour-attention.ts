// Attention and its cache, with numbers made by hand:
//   npx tsx --conditions=phi-ts-source examples/tour-attention.ts
import { createKernels, KV_BLOCK } from "phi-ts/kernels";
import { arange, defaultArena, tensor, zeros } from "phi-ts/tensor";

const [T, H, K, dh] = [3, 2, 1, 4]; // 3 tokens, 2 query heads, 1 key/value head, head dim 4
const k = createKernels(defaultArena());

// Key and value of token t are the t-th unit vector. An output, a mixture of values, then shows the weights themselves.
const unit = (t: number) => [0, 1, 2, 3].map((d) => (d === t ? 1 : 0));
const same = [6, 6, 6, 6]; // a query that finds every key alike
const first = [6, 0, 0, 0]; // a query that looks for token 0
const qkv = tensor([0, 1, 2].map((t) => [same, first, unit(t), unit(t)])); // [T, H + 2K, dh]

// The cache: pools of blocks of 32 positions, and the numbers of the blocks that are ours.
const pool = () => zeros([K, 1, KV_BLOCK, dh]);
const cache = { k: pool(), v: pool(), table: arange(1, { dtype: "i32" }) };
const out = zeros([T, H, dh]);
k.storeKV(cache, qkv, 0); // positions 0 … 2
k.attention(out, qkv, cache, 0, 0, 1 / Math.sqrt(dh));
console.log(out);

// Token 2 alone: keys and values of the tokens before it come out of the cache, and the bits are the same.
const last = zeros([1, H, dh]);
k.attention(last, qkv.rows(2, 3), cache, 2, 0, 1 / Math.sqrt(dh));
const equal = last.f32.every((value, i) => Object.is(value, out.rows(2, 3).f32[i]));
console.log(`same bits: ${equal}`);
