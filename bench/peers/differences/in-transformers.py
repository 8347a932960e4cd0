"""What a version of Hugging Face transformers gives for the goldens, beside what they say: forward passes, and cached generation across LongRoPE's switch.

    python bench/peers/differences/in-transformers.py

The goldens (test/fixtures/golden) are full recomputations by transformers 5.18 with the factors that the length asks for.
"""
import json
from pathlib import Path

import torch
import transformers
from safetensors import safe_open
from transformers import AutoModelForCausalLM

GOLDEN = Path(__file__).resolve().parents[3] / "test/fixtures/golden"
CASES = ["phi-1_5", "phi-2", "phi-3-mini-4k", "phi-3-mini-128k", "phi-4", "phi-4-mini", "phi-3.5-moe", "phi-4-multimodal"]
print("transformers", transformers.__version__)
transformers.logging.set_verbosity_error()
torch.set_num_threads(1)


def config_of(folder):
    """The newer form of keys is not known to transformers 4."""
    old = transformers.__version__.startswith("4.")
    kind = transformers.AutoConfig
    if not old:
        return kind.from_pretrained(folder)
    c = json.loads((folder / "config.hub.json").read_text())
    return kind.for_model(c.pop("model_type"), **c)


for case in CASES:
    folder = GOLDEN / case
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder, config=config_of(folder), dtype=torch.float32, attn_implementation="eager"
        ).eval()
    except Exception as error:
        print(case, "does not load:", str(error)[:200].replace("\n", " "))
        continue
    with safe_open(folder / "golden.safetensors", framework="pt") as f:
        for p in json.loads((folder / "golden.json").read_text())["prompts"]:
            ids = torch.tensor([p["input_ids"]])
            with torch.no_grad():
                delta = (model(ids).logits[0] - f.get_tensor(p["logits"])).abs().max().item()
            line = f"{case} {p['id']}: logits {delta:.1e} apart"
            if p["greedy"]["crosses_longrope_switch"]:
                model.generation_config.eos_token_id = None
                with torch.no_grad():
                    out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=24, do_sample=False, pad_token_id=0)
                got, want = out[0, ids.shape[1] :].tolist(), p["greedy"]["tokens"]
                same = next((i for i in range(24) if i >= len(got) or got[i] != want[i]), 24)
                stale = ", as with a cache that is never dropped" if got == p["greedy"].get("stale_cache_tokens") else ""
                line += f"; cached generate() has {same} of 24 tokens, the switch is before token {33 - ids.shape[1]}{stale}"
            print(line)
