import { OptionError } from "../errors.ts";
import { type AdapterMix, NO_ADAPTERS } from "../model/adapters.ts";

/** Adapters and their scales by name; one at scale 1; or none. */
export type AdapterChoice = string | Readonly<Record<string, number>> | null;

/** Option of calls that begin a row of tokens. */
export interface AdapterOption {
  /**
   * LoRA adapters that work on this call: a name, or scales by name (`{ a: 1, b: 0.5 }`); null: none. Default: as `setAdapter` has it when the call is
   * made; what is set later does not change a call that is there.
   */
  adapter?: AdapterChoice;
}

/** Scales that float32 products survive. */
const MAX_SCALE = 2 ** 32;

/** The adapters of a loaded model, and which of them work. */
export class Adapters {
  readonly #names: readonly string[];
  /** What calls get that do not say otherwise. */
  current: AdapterMix = NO_ADAPTERS;

  constructor(names: readonly string[]) {
    this.#names = names;
  }

  /** Scales by name. */
  describe({ parts }: AdapterMix): Record<string, number> {
    return Object.fromEntries(parts.map(({ adapter, scale }) => [this.#names[adapter], scale]));
  }

  /** @throws OptionError for a name that no adapter has, and a scale that is no number */
  mix(where: string, choice: unknown): AdapterMix {
    if (choice === undefined) return this.current;
    const scales = choice === null ? {} : typeof choice === "string" ? { [choice]: 1 } : choice;
    if (typeof scales !== "object" || Array.isArray(scales)) {
      const expected = "a name, scales by name, or null";
      throw new OptionError({ what: `${where}: adapter`, got: choice, expected });
    }
    const parts = Object.entries(scales).map(([name, scale]: [string, unknown]) => {
      const adapter = this.#names.indexOf(name);
      if (adapter < 0) {
        const expected = this.#names.length > 0 ? `one of ${this.#names.join(", ")}` : "null: none was loaded";
        throw new OptionError({ what: `${where}: there is no such adapter`, got: name, expected });
      }
      if (typeof scale === "number" && Math.abs(scale) <= MAX_SCALE) return { adapter, scale };
      const what = `${where}: the scale of adapter ${JSON.stringify(name)}`;
      throw new OptionError({ what, got: scale, expected: `a number from ${-MAX_SCALE} to ${MAX_SCALE}` });
    });
    const active = parts.filter(({ scale }) => scale !== 0).sort((a, b) => a.adapter - b.adapter);
    return { key: active.map(({ adapter, scale }) => `${adapter}*${scale}`).join("+"), parts: active };
  }
}

const NONE = new Adapters([]);

/** The mix of a call. @param adapters absent: the model has none */
export const mixOf = (where: string, adapters: Adapters | undefined, choice: unknown): AdapterMix =>
  (adapters ?? NONE).mix(where, choice);
