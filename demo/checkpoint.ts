/** A reader's own checkpoint: dropped anywhere on the page, or chosen. */
import { blobSource, droppedFiles, type Source } from "phi-ts";
import { byId } from "./dom.ts";

const input = byId("folder", HTMLInputElement);
const veil = byId("veil", HTMLElement);

export interface Given {
  /** Of the folder, as far as the browser tells. */
  name: string;
  source: Promise<Source>;
}

/** Calls `take` with every folder that the reader gives. */
export function onCheckpoint(take: (given: Given) => void): void {
  input.addEventListener("change", () => {
    const files = [...(input.files ?? [])];
    input.value = ""; // the same folder may be chosen again
    if (files.length === 0) return;
    const folder = files[0].webkitRelativePath.split("/")[0];
    take({ name: folder || "your checkpoint", source: (async () => blobSource(files))() });
  });

  let depth = 0; // enter and leave are told of every element on the way
  const show = (by: number): void => {
    depth = Math.max(0, depth + by);
    veil.hidden = depth === 0;
  };
  const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;
  document.addEventListener("dragenter", (event) => hasFiles(event) && show(1));
  document.addEventListener("dragleave", (event) => hasFiles(event) && show(-1));
  document.addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    show(-depth);
    if (!hasFiles(event)) return; // a dropped text belongs to the field under it
    event.preventDefault();
    const first = event.dataTransfer?.items[0]?.webkitGetAsEntry?.();
    const name = first?.isDirectory ? first.name : "your checkpoint";
    take({ name, source: droppedFiles(event.dataTransfer) });
  });
}

/** What config.json says a checkpoint is, or nothing if it does not say: that is then for loadPhi to refuse. */
export async function describe(source: Source): Promise<string> {
  try {
    const file = await source.open("config.json");
    const text = new TextDecoder().decode(await file.read(0, Math.min(file.size, 2 ** 20)));
    await file.close?.();
    const { model_type: type, num_hidden_layers: layers } = JSON.parse(text) as Record<string, unknown>;
    if (typeof type !== "string" || typeof layers !== "number") return "";
    return `${type.slice(0, 40)}, ${layers} layers`;
  } catch {
    return "";
  }
}
