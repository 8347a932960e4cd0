import type { Notice } from "../errors.ts";
import { PhiError } from "../errors.ts";
import { bindKernels } from "../kernels/bind.ts";
import { chooseKernels, type KernelChoice } from "../kernels/choose.ts";
import { type Crew, SCRATCH_BYTES } from "../kernels/crew.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { REST } from "../kernels/rest.ts";
import { startHelpers } from "../load-phi.ts";
import { Arena } from "../tensor/arena.ts";
import { assemble, type ThreadChoice } from "../threads/index.ts";

/** The kernels of a job, and the threads that share the work of all its arenas. */
export interface Team {
  readonly kernels: KernelChoice & { readonly crew?: Crew };
  readonly threads: number;
  /** Kernels in an arena of `bytes` besides what the threads need. @throws MemoryError */
  bench(bytes: number, name: string): Kernels;
  /** Starts the helpers, when all arenas are there. @throws WorkerError if as many threads were asked for and cannot be had */
  begin(): Promise<void>;
  end(): void;
}

/**
 * Those of WASM, whichever build is the fastest.
 * @throws PhiError (code "wasm") without any: the reference kernels have other bits
 */
export function makeTeam(choice: ThreadChoice): Team {
  const chosen = chooseKernels("auto", { rest: REST });
  if (chosen.kind === "reference") {
    const why = chosen.notices.map((n) => n.message).join("; ");
    throw new PhiError("wasm", `quantizing needs the WASM kernels: ${why}`);
  }
  // A job that runs alone after all is slower, and nothing else.
  const notices: Notice[] = [];
  const assembly = assemble(choice, chosen, startHelpers, notices);
  const crew = assembly?.leader;
  const threads = crew?.threads ?? 1;
  return {
    kernels: { ...chosen, crew },
    threads,
    bench(bytes, name) {
      const arena = new Arena(bytes + (threads - 1) * SCRATCH_BYTES, { name, shared: crew !== undefined });
      const helperScratch = Array.from({ length: threads - 1 }, () => arena.alloc(SCRATCH_BYTES));
      return bindKernels(arena, chosen, crew && { crew, helperScratch });
    },
    async begin() {
      // Whoever is lost is told by the next job.
      assembly?.begin(() => {});
      await assembly?.ready();
    },
    end: () => crew?.end(),
  };
}
