import { type ErrorFacts, FormatError } from "../../errors.ts";
import { READABLE, type WeightTensor } from "../weight-files.ts";
import { isTableCopy } from "./copy.ts";
import type { Factors } from "./deltas.ts";

/** dtypes of factors; in memory they are float32. */
const DTYPES = Object.keys(READABLE);

/** What tensors that are no factors tell of an adapter. */
const OTHERS: readonly (readonly [RegExp, string])[] = [
  [/\.lora_magnitude_vector(\.|$)/, "DoRA is not built"],
  [/\.lora_embedding_[AB]$/, "LoRA of the embedding table is not built"],
  [/\.lora_[AB](\.[^.]+)?\.bias$/, "biases of an adapter's own are not built"],
  [/\.modules_to_save\./, "whole modules beside LoRA (modules_to_save) are not built"],
  [/\.ia3_l(\.|$)/, "IA3 is not built"],
  [
    /(embed_tokens(\.base_layer)?|lm_head)\.weight$/,
    "the adapter has a copy of the model's table, which may differ from it, and is not read (save_pretrained has save_embedding_layers=False)",
  ],
];

/**
 * The factors A and B of an adapter's tensors, by the module that they belong to.
 *
 * PEFT's names are those of the model's modules below "base_model.model.": "base_model.model.model.layers.0.self_attn.qkv_proj.lora_A.weight"; where
 * the name of the adapter stands behind lora_A, as in phi4mm's checkpoint, it is left out. A model without its head has no first "model.".
 * A copy of the output layer is passed over: copy.ts.
 * @throws FormatError (code "adapter") for tensors that are no factors, for one without the other, and for shapes that do not fit each other
 */
export function factorsIn(tensors: Iterable<WeightTensor>): ReadonlyMap<string, Factors> {
  const halves = new Map<string, { a?: WeightTensor; b?: WeightTensor }>();
  for (const tensor of tensors) {
    if (isTableCopy(tensor)) continue;
    const [, path, half] = /^(.+)\.lora_([AB])(?:\.[^.]+)?\.weight$/.exec(tensor.name) ?? [];
    if (path === undefined) {
      const what = OTHERS.find(([pattern]) => pattern.test(tensor.name))?.[1] ?? "no tensor of a LoRA adapter";
      throw bad(tensor, { what, expected: "names that end in lora_A.weight and lora_B.weight" });
    }
    if (!DTYPES.includes(tensor.dtype))
      throw bad(tensor, { what: "factors of this dtype are not built", got: tensor.dtype, expected: DTYPES });
    if (tensor.shape.length !== 2)
      throw bad(tensor, { what: "no factor of a linear layer", got: tensor.shape, expected: "two axes" });
    const module = path.replace(/^base_model\.model\./, "").replace(/^layers\./, "model.layers.");
    const key = half === "A" ? "a" : "b";
    const known = halves.get(module) ?? {};
    if (known[key]) throw bad(tensor, { what: `the same factor as ${known[key].name}` });
    halves.set(module, { ...known, [key]: tensor });
  }
  const factors = new Map<string, Factors>();
  for (const [module, { a, b }] of halves) {
    if (!a || !b) {
      const there = (a ?? b) as WeightTensor;
      throw bad(there, { what: `the factor lora_${a ? "B" : "A"} of ${module} is missing`, expected: "both" });
    }
    if (a.shape[0] !== b.shape[1]) {
      const facts = { what: `another rank than ${a.name}`, got: b.shape, expected: [b.shape[0], a.shape[0]] };
      throw bad(b, facts);
    }
    factors.set(module, { a, b });
  }
  if (factors.size === 0) throw new FormatError({ what: "an adapter without a single LoRA tensor" }, "adapter");
  return factors;
}

const bad = ({ file, name: tensor }: WeightTensor, facts: ErrorFacts): FormatError =>
  new FormatError({ ...facts, file, tensor }, "adapter");
