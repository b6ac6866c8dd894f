"""The types of quantized files: what each is made by, and in which kinds its tensors are stored.

A type is what a user asks for (`q4_k_m`), a kind how one tensor is stored (Q6_K). Norms and biases stay in
float32. F16, Q8_0, Q5_0 and Q4_0 are made here with the `gguf` package; in the last two the output matrix
(the embedding, where that is the output matrix as well) is kept in Q8_0, as llama.cpp does for widths that
its K-quants cannot take. K-quants are made by llama.cpp's own code (`src/llama-quant.cpp`), which chooses the
kind of each tensor: the output matrix in Q6_K, half of the value and down matrices of Q4_K_M and Q5_K_M too;
and where a row is no multiple of 256 (896 in the 0.5B, 576 in the 135M) Q5_0 for Q4_K, Q5_1 for Q5_K and Q8_0
for Q6_K.
"""

from __future__ import annotations

from dataclasses import dataclass

from gguf import GGMLQuantizationType, LlamaFileType

from slm_core.errors import UserError, did_you_mean

KIND, FILE = GGMLQuantizationType, LlamaFileType
EXTRA = "quantize"


@dataclass(frozen=True)
class FileType:
    """One type of file.

    Args:
        name: what the user types.
        number: `general.file_type`, llama.cpp's number of it.
        kind: of its matrices where it is made here; None for llama.cpp.
        weighable: whether an importance matrix changes it.
    """

    name: str
    number: LlamaFileType
    kind: GGMLQuantizationType | None
    weighable: bool


FILE_TYPES = {
    kind.name: kind
    for kind in (
        FileType("f16", FILE.MOSTLY_F16, KIND.F16, False),
        FileType("q8_0", FILE.MOSTLY_Q8_0, KIND.Q8_0, False),
        FileType("q6_k", FILE.MOSTLY_Q6_K, None, True),
        FileType("q5_k_m", FILE.MOSTLY_Q5_K_M, None, True),
        FileType("q5_0", FILE.MOSTLY_Q5_0, KIND.Q5_0, True),
        FileType("q4_k_m", FILE.MOSTLY_Q4_K_M, None, True),
        FileType("q4_0", FILE.MOSTLY_Q4_0, KIND.Q4_0, True),
    )
}
DEFAULT = ("f16", "q8_0", "q6_k", "q5_k_m", "q4_k_m", "q4_0")


def find_type(name: str) -> FileType:
    """Return a type by its name, in any case.

    Raises:
        UserError: there is none of that name.
    """
    found = FILE_TYPES.get(name.lower().replace("-", "_"))
    if found is None:
        raise UserError(
            f"no type {name!r}",
            where="--type",
            expected=", ".join(FILE_TYPES),
            mend=did_you_mean(name, FILE_TYPES),
        )
    return found
