/** The worker in which the engine runs; engine.ts starts it. */
import "phi-ts/worker";
