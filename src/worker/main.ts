/**
 * `phi-ts/worker`: what the file of a worker imports, and nothing else, where `loadPhi(…, { worker: () => new Worker(file) })` is given the
 * worker's file because a Content-Security-Policy forbids workers out of code.
 * @module
 */
import { ownPort } from "#platform";
import { serve as serveAsHelper } from "../threads/helper.ts";
import { serve } from "./script.ts";

// The owner's first message says which it is to be.
serve(ownPort());
serveAsHelper(ownPort());
