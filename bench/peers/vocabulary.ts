/** The words of the models that gguf.ts writes, beside bytes: a text of n letters is n tokens. */
export const LETTERS = "abcdefghijklmnopqrstuvwxyz";

/** The id of "a". */
export const FIRST_LETTER = 259;
