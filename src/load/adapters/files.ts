/** The two files of an adapter that PEFT has saved. */
export const ADAPTER_CONFIG = "adapter_config.json";
export const ADAPTER_WEIGHTS = "adapter_model.safetensors";

/** Under this name a source has the file of an adapter, beside those of the checkpoint. */
export const adapterFile = (name: string, file: string): string => `${file} of adapter ${name}`;
