/** How long the leader is inside of WebAssembly, while `on`. What a step takes beyond it is JavaScript: the decoder, its queue, copied logits. */
export const kernelTime = { on: false, ms: 0, calls: 0 };

/** From here on every instance's exports pass by the stopwatch, which costs a call some 50 ns while it is off. */
export function watchKernels(): void {
  WebAssembly.Instance = new Proxy(WebAssembly.Instance, {
    construct(Instance, [module, imports]: [WebAssembly.Module, WebAssembly.Imports]) {
      const { exports } = new Instance(module, imports);
      return { exports: Object.fromEntries(Object.entries(exports).map(([name, value]) => [name, watched(value)])) };
    },
  });
}

function watched(value: WebAssembly.ExportValue): unknown {
  if (typeof value !== "function") return value;
  return (...args: number[]) => {
    if (!kernelTime.on) return value(...args);
    const start = performance.now();
    const result: unknown = value(...args);
    kernelTime.ms += performance.now() - start;
    kernelTime.calls++;
    return result;
  };
}
