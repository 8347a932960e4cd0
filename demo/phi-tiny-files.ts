/** The files of phi-tiny that the page reads. scripts/demo.ts puts them beside it; a web server could not tell which there are. */
export const PHI_TINY_FILES = [
  "config.json",
  "generation_config.json",
  "model.safetensors",
  "tokenizer.json",
  "tokenizer_config.json",
];
