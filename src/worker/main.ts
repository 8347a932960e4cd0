/**
 * `phi-ts/worker`: what the file of a worker imports, and nothing else, where `loadPhi(…, { worker: () => new Worker(file) })` is given the
 * worker's file because a Content-Security-Policy forbids workers out of code.
 * @module
 */
import { ownPort } from "#platform";
import { serve } from "./serve.ts";

serve(ownPort());
