import { attention, C, input, type KnownAnswer, N, read, room, rows, T } from "./known-calls.ts";
import { allocLowRank, writeLowRank } from "./low-rank.ts";
import { kFormat, linearInt4, repack, repackInt4 } from "./rest-calls.ts";

/** Of two blocks, only head 2 sees the one before its own. */
const STRIPES = { size: 32, local: 1, stride: 3, step: 1 };

/** Known answers, as known-answers.ts says, of the operations that not every model needs. */
export const REST_ANSWERS: readonly KnownAnswer[] = [
  repack("q8", 0x44350fa3),
  repack("q4", 0xa81a1c36),
  read("unpackRows", "f32", 0x63086772),
  read("unpackRows", "q8", 0x693efa76),
  read("unpackRows", "q4", 0x6c3794b6),
  linearInt4("f32", 0x58946081),
  linearInt4("int8", 0x73724845),
  repackInt4("gptq", false, 0x1a396b68),
  repackInt4("gptq", true, 0xbd9ff666),
  repackInt4("awq", false, 0xbe1cb42a),
  repackInt4("pack-quantized", false, 0x5a7b37f0),
  kFormat("q4k", 144, [0, 2], 0x7c5d6d62),
  kFormat("q5k", 176, [0, 2], 0xb8503c36),
  kFormat("q6k", 210, [208], 0x9343c61b),
  kFormat("q2k", 84, [80, 82], 0x9781e2dc),
  kFormat("q4x", 136, [0], 0xe3f91b1e),
  kFormat("q4m", 20, [0, 2], 0xc6018949),
  kFormat("q5m", 24, [0, 2], 0x05f41b23),
  rows("layernorm", 0xc33e1611, (k, out, x, arena) =>
    k.layernorm(out, x, input(arena, 9, [C]), input(arena, 10, [C]), 1e-5),
  ),
  attention("storeKV and attention, block-sparse", "f32", 0, 0xf28def81, STRIPES),
  attention("storeKV and attention, int8, block-sparse", "int8", 0, 0x69fcce33, STRIPES),
  rows("softmax", 0xe48347b0, (k, out, x) => k.softmax(out, x)),
  rows("addBias", 0x1e42ff93, (k, out, x, arena) => k.addBias(out, x, input(arena, 9, [C]))),
  rows("addRows", 0x4fa243cc, (k, out, x, arena) => {
    const ids = room(arena, [T], "i32");
    (ids.data as Int32Array).set([3, 0, 3, 4, 1]);
    k.add(out, x, x);
    k.addRows(out, ids, x, input(arena, 9, [T]));
  }),
  rows("addLowRank", 0xaede32e8, (k, out, x, arena) => {
    const b = allocLowRank(arena, N, 6);
    writeLowRank(b, 0, input(arena, 9, [N, 6]).f32);
    k.addLowRank(out, 3, x, 5, b, 0.7);
  }),
  rows("permute", 0x62977853, (k, out, x, arena) => {
    const order = room(arena, [C], "i32");
    for (let i = 0; i < C; i++) order.data[i] = (i * 11) % C;
    k.permute(out, x, order);
  }),
  rows("geglu", 0x5f1360f1, (k, out, x) => k.geglu(out, x, 0.5), [T, C / 2]),
  rows("gelu tanh", 0x367adf8f, (k, out, x) => k.gelu(out, x, "tanh")),
  rows("gelu erf", 0xa349b217, (k, out, x) => k.gelu(out, x, "erf")),
  rows("argmax", 0x9db5e910, (k, out, x) => k.argmax(out, x), [T], "i32"),
  rows("topk", 0xb27840b7, (k, out, x, arena) => k.topk(out, room(arena, [T, 5]), x), [T, 5], "i32"),
];
