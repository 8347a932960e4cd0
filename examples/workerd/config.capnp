# workerd serve config.capnp [--socket-addr http=*:8080]
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [ (name = "phi-tiny", worker = .phi) ],
  sockets = [ (name = "http", address = "127.0.0.1:8787", http = (), service = "phi-tiny") ]
);

const phi :Workerd.Worker = (
  modules = [
    (name = "worker.js", esModule = embed "../../dist/workerd/worker.js"),
    (name = "phi-ts/wasm/relaxed.wasm", wasm = embed "../../dist/wasm/relaxed.wasm"),
    (name = "phi-ts/wasm/strict.wasm", wasm = embed "../../dist/wasm/strict.wasm"),
    (name = "phi-tiny/config.json", data = embed "../../models/phi-tiny/config.json"),
    (name = "phi-tiny/generation_config.json", data = embed "../../models/phi-tiny/generation_config.json"),
    (name = "phi-tiny/model.safetensors", data = embed "../../models/phi-tiny/model.safetensors"),
    (name = "phi-tiny/tokenizer.json", data = embed "../../models/phi-tiny/tokenizer.json"),
    (name = "phi-tiny/tokenizer_config.json", data = embed "../../models/phi-tiny/tokenizer_config.json"),
  ],
  compatibilityDate = "2026-11-01",
  compatibilityFlags = [ "enable_request_signal" ],
);
