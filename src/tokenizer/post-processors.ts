import { TokenizerError } from "../errors.ts";
import { asArray, asId, asObject, asString, type Fields, flatten, malformed } from "./fields.ts";

/** The ids that are put around those of a text. HF: tokenizers/src/processors, for single texts. */
export interface Frame {
  before: readonly number[];
  after: readonly number[];
}

/** @throws TokenizerError for a post-processor that is not supported @throws FormatError for a malformed one */
export function compilePostProcessor(value: unknown): Frame {
  const frames = flatten(value, "post_processor", "processors")
    .map(([part, where]) => frameOf(part, where))
    .filter((frame) => frame !== undefined);
  // HF's second processor takes what the first has made of one text for a pair of texts.
  if (frames.length > 1) unsupported("post_processor: more than one that adds tokens");
  return frames[0] ?? { before: [], after: [] };
}

function unsupported(what: string): never {
  throw new TokenizerError({ what: `tokenizer.json: ${what} is not supported` }, "unsupported");
}

function frameOf(part: Fields, where: string): Frame | undefined {
  const type = part.type as string;
  switch (type) {
    case "ByteLevel":
      // It only moves offsets.
      return undefined;
    case "TemplateProcessing":
      return template(part, where);
    case "BertProcessing":
    case "RobertaProcessing":
      return { before: [idOfPair(part.cls, `${where}.cls`)], after: [idOfPair(part.sep, `${where}.sep`)] };
  }
  return unsupported(`${where}: the post-processor "${type}"`);
}

/** `["</s>", 2]` */
function idOfPair(value: unknown, where: string): number {
  const pair = asArray(value, where);
  return asId(pair[1], `${where}[1]`);
}

/** The template for single texts: special tokens by name, and the text itself once. */
function template(part: Fields, where: string): Frame {
  const special = asObject(part.special_tokens ?? {}, `${where}.special_tokens`);
  const before: number[] = [];
  const after: number[] = [];
  let texts = 0;
  asArray(part.single, `${where}.single`).forEach((item, i) => {
    const place = `${where}.single[${i}]`;
    const piece = asObject(item, place);
    if ("Sequence" in piece) {
      const { id } = asObject(piece.Sequence, `${place}.Sequence`);
      if (id !== "A") malformed(`${place}.Sequence.id`, id, '"A", the only text of a single template');
      texts++;
      return;
    }
    const name = asString(asObject(piece.SpecialToken, `${place}.SpecialToken`).id, `${place}.SpecialToken.id`);
    if (!Object.hasOwn(special, name)) malformed(`${place}.SpecialToken.id`, name, "one of special_tokens");
    const at = `${where}.special_tokens[${JSON.stringify(name)}]`;
    const ids = asArray(asObject(special[name], at).ids, `${at}.ids`);
    for (const id of ids) (texts === 0 ? before : after).push(asId(id, `${at}.ids`));
  });
  if (texts !== 1) malformed(`${where}.single`, `${texts} texts`, "one");
  return { before, after };
}
