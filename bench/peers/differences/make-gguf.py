"""The random checkpoints of test/fixtures/golden as GGUF files for llama.cpp, in float32.

    python bench/peers/differences/make-gguf.py OUT [case ...]

Needs numpy, safetensors, torch (for bfloat16) and gguf. Names of tensors and metadata: conversion/phi.py of llama.cpp.
"""
import json
import math
import sys
from pathlib import Path

import gguf
import numpy as np
from safetensors import safe_open

GOLDEN = Path(__file__).resolve().parents[3] / "test/fixtures/golden"
CASES = ["phi-1_5", "phi-2", "phi-3-mini-4k", "phi-3-mini-128k", "phi-4", "phi-4-mini", "phi-3.5-moe"]


def tensors_of(folder):
    out = {}
    for file in sorted(folder.glob("model*.safetensors")):
        with safe_open(file, framework="pt") as f:
            for name in f.keys():
                out[name] = f.get_tensor(name).float().numpy()
    return out


def convert(case, out, name=None, original=None):
    folder = GOLDEN / case
    c = json.loads((folder / "config.json").read_text())
    rope = c["rope_parameters"]
    if original:
        rope["original_max_position_embeddings"] = original
        c["max_position_embeddings"] = 4 * original
    t = tensors_of(folder)
    kind = {"phi": "phi2", "phi3": "phi3", "phimoe": "phimoe"}[c["model_type"]]
    dh = c["hidden_size"] // c["num_attention_heads"]
    w = gguf.GGUFWriter(str(out / f"{name or case}.gguf"), kind)
    w.add_context_length(c["max_position_embeddings"])
    w.add_embedding_length(c["hidden_size"])
    w.add_feed_forward_length(c["intermediate_size"])
    w.add_block_count(c["num_hidden_layers"])
    w.add_head_count(c["num_attention_heads"])
    w.add_head_count_kv(c["num_key_value_heads"])
    w.add_rope_dimension_count(int(dh * rope.get("partial_rotary_factor", 1)))
    w.add_rope_freq_base(rope["rope_theta"])
    w.add_file_type(gguf.LlamaFileType.ALL_F32)
    if kind == "phi2":
        w.add_layer_norm_eps(c["layer_norm_eps"])
    else:
        w.add_layer_norm_rms_eps(c["rms_norm_eps"])
        w.add_sliding_window(c.get("sliding_window") or 0)
    # Only ids are compared, but llama.cpp wants words: those of the 256 bytes as GPT-2 writes them, and names for the rest.
    bytes_ = [chr(b) if 33 <= b <= 126 else chr(256 + b) for b in range(256)]
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("gpt-2")
    w.add_token_list(bytes_ + [f"<{i}>" for i in range(256, c["vocab_size"])])
    w.add_token_types([1] * c["vocab_size"])
    w.add_token_merges(["a b"])
    w.add_bos_token_id(300)
    w.add_eos_token_id(300)
    add = lambda name, array: w.add_tensor(name, np.ascontiguousarray(array, dtype=np.float32))
    if rope.get("rope_type") == "longrope":
        orig, most = rope["original_max_position_embeddings"], c["max_position_embeddings"]
        w.add_rope_scaling_orig_ctx_len(orig)
        w.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(most / orig) / math.log(orig)))
        add("rope_factors_long.weight", rope["long_factor"])
        add("rope_factors_short.weight", rope["short_factor"])
    if kind == "phimoe":
        w.add_expert_count(c["num_local_experts"])
        w.add_expert_used_count(c["num_experts_per_tok"])

    def both(there, here):
        for part in ("weight", "bias"):
            if f"{here}.{part}" in t:
                add(f"{there}.{part}", t[f"{here}.{part}"])

    both("token_embd", "model.embed_tokens")
    both("output_norm", "model.final_layernorm" if kind == "phi2" else "model.norm")
    both("output", "lm_head")
    for i in range(c["num_hidden_layers"]):
        at, blk = f"model.layers.{i}", f"blk.{i}"
        both(f"{blk}.attn_norm", f"{at}.input_layernorm")
        if kind == "phi3":
            both(f"{blk}.attn_qkv", f"{at}.self_attn.qkv_proj")
        elif kind == "phi2":
            for part in ("weight", "bias"):
                joined = [t[f"{at}.self_attn.{x}_proj.{part}"] for x in "qkv"]
                add(f"{blk}.attn_qkv.{part}", np.concatenate(joined))
        else:
            for x in "qkv":
                both(f"{blk}.attn_{x}", f"{at}.self_attn.{x}_proj")
        both(f"{blk}.attn_output", f"{at}.self_attn.{'dense' if kind == 'phi2' else 'o_proj'}")
        both(f"{blk}.ffn_norm", f"{at}.post_attention_layernorm")
        if kind == "phi2":
            both(f"{blk}.ffn_up", f"{at}.mlp.fc1")
            both(f"{blk}.ffn_down", f"{at}.mlp.fc2")
        elif kind == "phi3":
            both(f"{blk}.ffn_up", f"{at}.mlp.gate_up_proj")
            both(f"{blk}.ffn_down", f"{at}.mlp.down_proj")
        else:
            moe = f"{at}.block_sparse_moe"
            both(f"{blk}.ffn_gate_inp", f"{moe}.gate")
            for name, part in (("gate", "w1"), ("up", "w3"), ("down", "w2")):
                experts = [t[f"{moe}.experts.{e}.{part}.weight"] for e in range(c["num_local_experts"])]
                add(f"{blk}.ffn_{name}_exps.weight", np.stack(experts))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


if __name__ == "__main__":
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for case in sys.argv[2:] or CASES:
        convert(case, out)
        print(case)
    # The switch at 512 tokens: llama.cpp's smallest context is 256.
    convert("phi-3-mini-128k", out, "switch-at-512", 512)
