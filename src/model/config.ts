/** What the decoder needs to know of a checkpoint, read from its config.json by {@link parseConfig}; names are Hugging Face's, in camelCase. */
export interface PhiConfig {
  modelType: string;
  vocabSize: number;
  /** D */
  hiddenSize: number;
  /** F */
  intermediateSize: number;
  layers: number;
  /** H */
  heads: number;
  /** K */
  kvHeads: number;
  /** dh */
  headDim: number;
  /** R: the first R dims of each head rotate. */
  rotaryDim: number;
  ropeTheta: number;
  longrope?: LongRope;
  /** Keys that a query sees, itself included; 0: all. */
  slidingWindow: number;
  normEps: number;
  /** Greatest number of tokens of a sequence (max_position_embeddings). */
  contextLength: number;
  tiedEmbeddings: boolean;
  eosTokenIds: number[];
  bosTokenId?: number;
}

/** LongRoPE: two sets of factors by which the inverse frequencies are divided, and the scale of cos and sin. */
export interface LongRope {
  shortFactor: number[];
  longFactor: number[];
  /** Sequences longer than this use the long factors. */
  originalContext: number;
  attentionFactor: number;
}
