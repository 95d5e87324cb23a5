"""A random Llama in GGUF, as llama.cpp reads it, with a tokenizer of words and octets.

Format: ggml's docs/gguf.md, version 3. Octets have no weight in the output, so that only whole
words are generated: a server that waits for the rest of a character would send nothing.
"""

from __future__ import annotations

import random
import struct
from array import array
from collections.abc import Iterator
from pathlib import Path

CONTEXT = 32_768
_WORDS = 253
_UNKNOWN, _CONTROL, _BYTE, _NORMAL = 2, 3, 6, 1
_U32, _I32, _F32, _BOOL, _TEXT, _ARRAY = 4, 5, 6, 7, 8, 9
_ALIGNMENT = 32


def write_gguf(path: Path, width: int, layers: int) -> None:
    """Write a model of so many dimensions; a wider and deeper one reads a prompt more slowly."""
    tensors = list(_tensors(width, layers))
    metadata = list(_metadata(width, layers))
    with path.open("wb") as file:
        file.write(
            b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata)) + b"".join(metadata)
        )
        offset = 0
        for name, shape, data in tensors:
            dimensions = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
            file.write(_text(name) + dimensions + struct.pack("<IQ", 0, offset))
            offset += _padded(len(data))
        file.write(bytes(_padded(file.tell()) - file.tell()))
        for _, _, data in tensors:
            file.write(data + bytes(_padded(len(data)) - len(data)))


def _metadata(width: int, layers: int) -> Iterator[bytes]:
    heads = 8
    octets = [f"<0x{octet:02X}>" for octet in range(256)]
    words = [f"\N{LOWER ONE EIGHTH BLOCK}w{number}" for number in range(_WORDS)]
    tokens = ["<unk>", "<s>", "</s>", *octets, *words]
    kinds = [_UNKNOWN, _CONTROL, _CONTROL, *[_BYTE] * 256, *[_NORMAL] * _WORDS]
    yield _pair("general.architecture", _TEXT, _text("llama"))
    for name, number in {
        "context_length": CONTEXT, "embedding_length": width, "block_count": layers,
        "feed_forward_length": 4 * width, "attention.head_count": heads,
        "attention.head_count_kv": heads, "rope.dimension_count": width // heads,
        "vocab_size": len(tokens),
    }.items():  # fmt: skip
        yield _pair(f"llama.{name}", _U32, struct.pack("<I", number))
    yield _pair("llama.attention.layer_norm_rms_epsilon", _F32, struct.pack("<f", 1e-5))
    yield _pair("tokenizer.ggml.model", _TEXT, _text("llama"))
    yield _array("tokenizer.ggml.tokens", _TEXT, [_text(token) for token in tokens])
    yield _array("tokenizer.ggml.scores", _F32, [struct.pack("<f", 0.0)] * len(tokens))
    yield _array("tokenizer.ggml.token_type", _I32, [struct.pack("<i", kind) for kind in kinds])
    for name, number in {"unknown": 0, "bos": 1, "eos": 2}.items():
        yield _pair(f"tokenizer.ggml.{name}_token_id", _U32, struct.pack("<I", number))
    yield _pair("tokenizer.ggml.add_bos_token", _BOOL, b"\x01")
    template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    yield _pair("tokenizer.chat_template", _TEXT, _text(template))


def _tensors(width: int, layers: int) -> Iterator[tuple[str, tuple[int, ...], bytes]]:
    """Name, shape (the fastest dimension first) and 32-bit floats of each tensor."""
    vocabulary, hidden = 3 + 256 + _WORDS, 4 * width
    ones = array("f", [1.0] * width).tobytes()
    words = _noise(width * _WORDS)
    yield "token_embd.weight", (width, vocabulary), _noise(width * vocabulary)
    yield "output_norm.weight", (width,), ones
    yield "output.weight", (width, vocabulary), bytes(4 * width * (vocabulary - _WORDS)) + words
    for number in range(layers):
        for name in ("attn_norm", "ffn_norm"):
            yield f"blk.{number}.{name}.weight", (width,), ones
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            yield f"blk.{number}.{name}.weight", (width, width), _noise(width * width)
        for name in ("ffn_gate", "ffn_up"):
            yield f"blk.{number}.{name}.weight", (width, hidden), _noise(width * hidden)
        yield f"blk.{number}.ffn_down.weight", (hidden, width), _noise(width * hidden)


_BLOCK = array("f", (random.Random(0).gauss(0, 0.05) for _ in range(65_521))).tobytes()


def _noise(count: int) -> bytes:
    return (_BLOCK * (4 * count // len(_BLOCK) + 1))[: 4 * count]


def _text(text: str) -> bytes:
    octets = text.encode()
    return struct.pack("<Q", len(octets)) + octets


def _pair(name: str, kind: int, value: bytes) -> bytes:
    return _text(name) + struct.pack("<I", kind) + value


def _array(name: str, kind: int, values: list[bytes]) -> bytes:
    return _pair(name, _ARRAY, struct.pack("<IQ", kind, len(values)) + b"".join(values))


def _padded(length: int) -> int:
    return -(-length // _ALIGNMENT) * _ALIGNMENT
