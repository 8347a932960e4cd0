import { SourceError } from "../errors.ts";

/** A way to hold a model that is not read here, by what it is called, and what to take in its place. */
interface Foreign {
  what: string;
  /** Names of files that hold weights so. */
  names: RegExp;
  /** How such files begin, as far as that tells. */
  starts?: readonly string[];
  instead: string;
}

const SAFETENSORS =
  "safetensors, which nearly every model has beside them (or what save_pretrained of transformers writes)";
const ORIGINAL = "the checkpoint that it was made of, as safetensors or GGUF";

const FOREIGN: readonly Foreign[] = [
  { what: "an ONNX graph", names: /\.onnx$/, instead: ORIGINAL },
  { what: "a model of OpenVINO", names: /^openvino_\w*\.(xml|bin)$/, instead: ORIGINAL },
  {
    what: "a pickle of PyTorch, which would run as a program",
    names: /^(?!training_args|optimizer|scheduler|rng_state|random_states).*\.(bin|pt|pth|ckpt|pkl)$/,
    starts: ["PK\x03\x04", "\x80\x02", "\x80\x03", "\x80\x04", "\x80\x05"],
    instead: SAFETENSORS,
  },
  { what: "weights of TensorFlow", names: /\.(h5|ckpt\.index|pb|tflite)$/, starts: ["\x89HDF"], instead: SAFETENSORS },
  { what: "weights of Flax", names: /\.msgpack$/, instead: SAFETENSORS },
  { what: "an engine of TensorRT", names: /\.(engine|plan)$/, instead: ORIGINAL },
  {
    what: "a file of GGML before GGUF",
    names: /\.ggml(v\d)?\.bin$|\.ggml$/,
    starts: ["tjgg", "lmgg", "fmgg"],
    instead: "GGUF",
  },
  { what: "arrays of NumPy", names: /\.np[yz]$/, starts: ["\x93NUMPY"], instead: SAFETENSORS },
  {
    what: "an archive",
    names: /\.(zip|tar|tgz|tar\.gz|7z|rar)$/,
    starts: ["\x1f\x8b", "7z", "Rar!"],
    instead: "what is in it",
  },
  {
    what: "a page of HTML",
    names: /\.html?$/,
    starts: ["<!DOC", "<!doc", "<html"],
    instead: "the file that it is about",
  },
];

/** What begins like a page or an archive is that, whatever its name says; a name alone tells what has no beginning of its own. */
function kindOf(name: string, start: string): Foreign | undefined {
  return (
    FOREIGN.find(({ starts = [] }) => starts.some((s) => start.startsWith(s))) ??
    FOREIGN.find(({ names }) => names.test(name))
  );
}

const refusal = ({ what, instead }: Foreign, file: string): SourceError =>
  new SourceError({ what: `this is ${what}, and is not read`, file, expected: instead }, "foreign");

/**
 * A file that is known and not read, by name.
 * @param start its first 9 bytes or more
 * @returns undefined for all others, safetensors among them whatever they are called
 */
export function foreignFile(name: string, start: Uint8Array): SourceError | undefined {
  if (start[8] === 0x7b) return undefined; // "{" behind the header's length
  const kind = kindOf(name, String.fromCharCode(...start.subarray(0, 16)));
  return kind && refusal(kind, name);
}

/** The same of a folder that has no weights which are read, from the names of its files. */
export function foreignAmong(names: readonly string[]): SourceError | undefined {
  for (const kind of FOREIGN) {
    const file = names.find((name) => kind.names.test(name));
    if (file !== undefined) return refusal(kind, file);
  }
  return undefined;
}
