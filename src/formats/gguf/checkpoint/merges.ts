/**
 * The merges of a SentencePiece vocabulary, which has none but a score for each piece: every pair of pieces whose text together is a piece, by
 * falling score of that piece, then by the ids of the piece and of its parts. This is the order of Hugging Face's conversion
 * (SentencePieceExtractor in transformers' convert_slow_tokenizer), hence of the merges in Phi-3's tokenizer.json.
 * @param pieces ids by text, of pieces that may merge, none of them long: each is cut at every place at which there is a piece of that length
 * @param scores by id
 */
export function mergesOf(pieces: ReadonlyMap<string, number>, scores: ArrayLike<number>): [string, string][] {
  const found: { pair: [string, string]; score: number; ids: [number, number, number] }[] = [];
  const lengths = new Set(Array.from(pieces.keys(), (piece) => piece.length));
  for (const [piece, id] of pieces) {
    // By code points: a piece is never cut in a surrogate pair.
    for (let cut = step(piece, 0); cut < piece.length; cut = step(piece, cut)) {
      if (!lengths.has(cut) || !lengths.has(piece.length - cut)) continue;
      const pair: [string, string] = [piece.slice(0, cut), piece.slice(cut)];
      const left = pieces.get(pair[0]);
      const right = left === undefined ? undefined : pieces.get(pair[1]);
      if (left !== undefined && right !== undefined) found.push({ pair, score: scores[id], ids: [id, left, right] });
    }
  }
  found.sort((a, b) => b.score - a.score || a.ids[0] - b.ids[0] || a.ids[1] - b.ids[1] || a.ids[2] - b.ids[2]);
  return found.map(({ pair }) => pair);
}

const step = (text: string, at: number): number => at + ((text.codePointAt(at) as number) > 0xffff ? 2 : 1);
