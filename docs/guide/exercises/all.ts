import { exercise as rope } from "./03-rope/check.ts";
import * as ropeSolution from "./03-rope/solution.ts";
import * as ropeStub from "./03-rope/stub.ts";
import { exercise as longRope } from "./04-longrope/check.ts";
import * as longRopeSolution from "./04-longrope/solution.ts";
import * as longRopeStub from "./04-longrope/stub.ts";
import { exercise as window } from "./05-window/check.ts";
import * as windowSolution from "./05-window/solution.ts";
import * as windowStub from "./05-window/stub.ts";
import { exercise as experts } from "./06-experts/check.ts";
import * as expertsSolution from "./06-experts/solution.ts";
import * as expertsStub from "./06-experts/stub.ts";
import { type Exercise, results } from "./claims.ts";

/** An exercise, and a run of its claims. */
export interface Entry {
  /** Its folder, which begins with the number of its chapter. */
  folder: string;
  title: string;
  run(which: "stub" | "solution"): ReturnType<typeof results>;
}

function entry<E>(folder: string, exercise: Exercise<E>, stub: E, solution: E): Entry {
  const { title } = exercise;
  return { folder, title, run: (which) => results(exercise, which === "stub" ? stub : solution) };
}

export const EXERCISES: readonly Entry[] = [
  entry("03-rope", rope, ropeStub, ropeSolution),
  entry("04-longrope", longRope, longRopeStub, longRopeSolution),
  entry("05-window", window, windowStub, windowSolution),
  entry("06-experts", experts, expertsStub, expertsSolution),
];
