import { asId, asObject, type Fields, malformed } from "./fields.ts";

/** The model's own tokens (without the added ones), by text and by id. */
export class Vocab {
  readonly ids: ReadonlyMap<string, number>;
  /** By id; ids that no token has are undefined. */
  readonly tokens: readonly (string | undefined)[];

  constructor(ids: ReadonlyMap<string, number>, tokens: readonly (string | undefined)[]) {
    this.ids = ids;
    this.tokens = tokens;
  }
}

/** @throws FormatError for an id that is no integer or out of range, or that two tokens share */
export function readVocab(model: Fields): Vocab {
  const vocab = asObject(model.vocab, "model.vocab");
  const names = Object.keys(vocab);
  if (names.length === 0) malformed("model.vocab", vocab, "at least one token");
  const ids = new Map<string, number>();
  let size = 0;
  for (const token of names) {
    const id = vocab[token];
    // The path is only put together where it is needed: this loop runs 200,000 times.
    if (!Number.isInteger(id) || (id as number) < 0) asId(id, `model.vocab[${JSON.stringify(token)}]`);
    ids.set(token, id as number);
    if ((id as number) >= size) size = (id as number) + 1;
  }
  if (size > 0) asId(size - 1, "the greatest id in model.vocab");
  const tokens = new Array<string | undefined>(size).fill(undefined);
  for (const [token, id] of ids) {
    if (tokens[id] !== undefined)
      malformed(`model.vocab[${JSON.stringify(token)}]`, id, `an id of its own; ${JSON.stringify(tokens[id])} has it`);
    tokens[id] = token;
  }
  return new Vocab(ids, tokens);
}
