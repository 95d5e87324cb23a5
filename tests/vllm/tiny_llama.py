"""A two-layer Llama with a tokenizer of whole words: enough for vLLM to serve, and nothing more.

Its weights are vLLM's own dummy ones, which every start makes alike, so that two servers of it
say the same at temperature 0. It is wide enough to take some milliseconds for a token: a faster
one would spend its server's time on sending them, and not in the engine.
"""

from __future__ import annotations

import json
from pathlib import Path

MAX_MODEL_LEN = 2048
_WORDS = 512
_SPECIAL = ("<unk>", "<s>", "</s>")

_CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 768,
    "intermediate_size": 16384,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "vocab_size": _WORDS,
    "max_position_embeddings": MAX_MODEL_LEN,
    "rms_norm_eps": 1e-5,
    "bos_token_id": _SPECIAL.index("<s>"),
    "eos_token_id": _SPECIAL.index("</s>"),
    "torch_dtype": "bfloat16",
    "tie_word_embeddings": False,
}


def write_model(folder: Path) -> None:
    """Write configuration and tokenizer into `folder`, as a model hub would have them."""
    words = [*_SPECIAL, *(f"w{number}" for number in range(len(_SPECIAL), _WORDS))]
    special = [
        {"id": number, "content": word, "special": True, "normalized": False}
        | dict.fromkeys(("single_word", "lstrip", "rstrip"), False)
        for number, word in enumerate(_SPECIAL)
    ]
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": special,
        "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": None,
        "decoder": None,
        "model": {
            "type": "WordLevel",
            "vocab": {word: number for number, word in enumerate(words)},
            "unk_token": "<unk>",
        },
    }
    names = dict(zip(("unk_token", "bos_token", "eos_token"), _SPECIAL, strict=True))
    about = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": MAX_MODEL_LEN}
    for name, content in (
        ("config.json", _CONFIG),
        ("tokenizer.json", tokenizer),
        ("tokenizer_config.json", about | names),
    ):
        (folder / name).write_text(json.dumps(content, indent=1))
