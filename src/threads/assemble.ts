import { type Notice, PhiError } from "../errors.ts";
import { type KernelChoice, provenModule } from "../kernels/choose.ts";
import { variantOf } from "../kernels/wasm-module.ts";
import { oneThread, type ThreadChoice } from "./choose.ts";
import type { StartHelpers } from "./helpers.ts";
import { Leader } from "./leader.ts";

/** The threads of a model while it is loaded. */
export interface Assembly {
  /** To be told of the arenas first. */
  readonly leader: Leader;
  /** Starts the helpers, who may come late: the leader begins without them. @param onLost called once, when the model has lost one */
  begin(onLost: (error: Error) => void): void;
  /** When all have come; how many threads there are. @throws WorkerError if as many were asked for and cannot be had */
  ready(): Promise<number>;
}

/** Puts the threads of a model together, where several were chosen: {@link assemble} with a way to start them. */
export type Assemble = (choice: ThreadChoice, kernels: KernelChoice, notices: Notice[]) => Assembly | undefined;

/** @param start starts the helpers */
export const assembleBy =
  (start: StartHelpers): Assemble =>
  (choice, kernels, notices) =>
    assemble(choice, kernels, start, notices);

/**
 * A leader and, soon, helpers, where several threads were chosen and these kernels can work in shared memory.
 * @param notices gets what the user should know
 */
export function assemble(
  { wanted, threads }: ThreadChoice,
  { kind, wasm }: KernelChoice,
  start: StartHelpers,
  notices: Notice[],
): Assembly | undefined {
  if (threads === 1) return undefined;
  const asked = wanted !== "auto";
  const obstacle = kind === "reference" ? "the reference kernels work alone" : refusal(kind, wasm);
  if (obstacle !== undefined) {
    if (asked) notices.push(oneThread(obstacle));
    return undefined;
  }
  let lost: (error: Error) => void = () => {};
  const leader = new Leader(threads, (error) => lost(error));
  return {
    leader,
    begin(onLost) {
      lost = onLost;
      leader.takeOn(start(leader.setups(), (error) => leader.lose(error)));
    },
    async ready() {
      try {
        await leader.ready();
        return threads;
      } catch (error) {
        leader.end();
        if (asked || !(error instanceof PhiError)) throw error;
        notices.push(oneThread(error.message));
        return 1;
      }
    },
  };
}

/** Why a build cannot work in shared memory here, if it cannot. */
function refusal(kind: "relaxed" | "strict", wasm: KernelChoice["wasm"]): string | undefined {
  try {
    provenModule(variantOf(kind, true), wasm);
    return undefined;
  } catch (error) {
    if (error instanceof PhiError) return error.message;
    throw error;
  }
}
