/** What the decoder needs to know of a checkpoint, read from its config.json by `parseConfig`; names are Hugging Face's, in camelCase. */
export interface PhiConfig {
  /** HF model_type, e.g. "phi3". */
  modelType: string;
  /** V */
  vocabSize: number;
  /** D */
  hiddenSize: number;
  /** F */
  intermediateSize: number;
  /** Decoder layers (num_hidden_layers). */
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
  /** [R / 2] */
  shortFactor: number[];
  /** [R / 2] */
  longFactor: number[];
  /** Sequences longer than this use the long factors. */
  originalContext: number;
  attentionFactor: number;
}
