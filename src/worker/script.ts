import { EVERY_PART } from "../load/every-part.ts";
import type { PortLike } from "../port/port.ts";
import { serve as serveParts } from "./serve.ts";

/** The worker of `phi-ts`: {@link serveParts} with everything. Bundled as a script it is what the package carries as text (`#worker-code`). */
export const serve = (port: PortLike): void => serveParts(port, EVERY_PART);
